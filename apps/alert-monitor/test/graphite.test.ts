import { createSocket } from 'node:dgram'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { systemClock } from '@armature/async/clock'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { bodyJson } from '@armature/messaging/message'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { type RunningGraphite, startGraphite } from '@armature/servers/graphite'
import { startProgram } from '@armature/servers/program'
import { skipped } from '@armature/servers/skip'
import { imbalance } from '@armature/telemetry/ledger'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { settings } from '../src/config.ts'
import type { Notice } from '../src/events.ts'
import { alertMonitor } from '../src/service.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const metric = 'stats.timers.search.upper'
const rules = {
  rules: [{ type: 'threshold', name: 'stall', metric, stat: 'max', op: '>', value: 1_000, window: '5s' }],
}

describe.skipIf(skipped('graphite'))('a real Graphite, filled by StatsD', () => {
  let graphite: RunningGraphite | undefined
  let folder = ''

  beforeAll(async () => {
    ;[graphite, folder] = await Promise.all([startGraphite(), mkdtemp(join(tmpdir(), 'graphite-rules-'))])
    await writeFile(join(folder, 'rules.json'), JSON.stringify(rules))
  }, serverDeadlineMs)

  afterAll(async () => {
    await graphite?.stop()
    if (folder !== '') await rm(folder, { recursive: true })
  })

  const running = (): RunningGraphite => {
    if (graphite === undefined) throw new Error('Graphite did not start')
    return graphite
  }

  /** Searches of 1 to 5 ms, twenty a second, until the test ends. */
  const traffic = () => {
    const socket = createSocket('udp4')
    const send = (line: string) => socket.send(line, running().statsdPort, '127.0.0.1')
    let sent = 0
    const timer = setInterval(() => send(`search:${1 + (sent++ % 5)}|ms`), 50)
    onTestFinished(() => {
      clearInterval(timer)
      socket.close()
    })
    return { stall: () => send('search:2500|ms') }
  }

  const watched = async () => {
    const broker = memoryBroker({ clock: systemClock() })
    const { url } = running()
    const config = settings.parse({
      rulesFile: join(folder, 'rules.json'),
      graphiteUrl: url,
      graphiteTargets: ['stats.timers.*.upper'],
      graphiteEveryMs: 500,
      evaluateEveryMs: 200,
    })
    const monitor = alertMonitor(config, {
      telemetry: testTelemetry('alert-monitor'),
      clock: systemClock(),
      openMessaging: () => Promise.resolve(broker.connect()),
    })
    onTestFinished(() => monitor.close())
    const notices: Notice[] = []
    await broker
      .connect()
      .subscribe('alerts.>', (delivery) => Promise.resolve(void notices.push(bodyJson(delivery) as Notice)))
    await monitor.start()
    return { monitor, notices }
  }

  const backtest = async (...args: string[]) => {
    const { PATH, HOME } = process.env
    const all = [main, 'backtest', join(folder, 'rules.json'), '--format=json', ...args]
    const program = startProgram(process.execPath, all, { env: { PATH, HOME } })
    onTestFinished(() => program.kill())
    expect(await program.ended()).toMatchObject({ code: 0 })
    const [line = ''] = program
      .output()
      .split('\n')
      .filter((each) => each.startsWith('{'))
    return JSON.parse(line) as { rules: readonly object[]; firings: readonly { labels: object }[] }
  }

  test(
    'a stall raises an alert and its end resolves it; a backtest over the same Graphite, and over its CSV, tells the same',
    { timeout: 120_000 },
    async () => {
      const { stall } = traffic()
      const { monitor, notices } = await watched()
      const acked = () => monitor.ledger().find(({ stage }) => stage === 'graphite')?.acked ?? 0
      await vi.waitFor(() => expect(acked()).toBeGreaterThan(3), { timeout: 30_000 })
      expect(notices).toEqual([])
      stall()
      await vi.waitFor(() => expect(notices).toHaveLength(1), { timeout: 30_000 })
      expect(notices[0]).toMatchObject({ status: 'firing', name: 'stall', value: 2_500, labels: { metric } })
      await vi.waitFor(() => expect(notices).toHaveLength(2), { timeout: 30_000 })
      expect(notices[1]).toMatchObject({ status: 'resolved', fingerprint: notices[0]?.fingerprint })
      expect(monitor.ledger().map(imbalance)).toEqual(monitor.ledger().map(() => 0))

      const { url } = running()
      const expected = { rules: [{ name: 'stall', firings: 1, flaps: 0 }], firings: [{ labels: { metric } }] }
      expect(await backtest('--graphite', url, '--from=-10m')).toMatchObject(expected)
      const answer = await fetch(`${url}/render?target=${metric}&from=-10min&format=csv`)
      const rows = (await answer.text())
        .trim()
        .split('\n')
        .map((row) => row.trim().split(','))
      const csv = rows
        .filter(([, , value = '']) => value !== '')
        .map(([name, time, value]) => `${time},${name},${value}`)
      await writeFile(join(folder, 'history.csv'), ['timestamp,metric,value', ...csv].join('\n'))
      expect(await backtest('--csv', join(folder, 'history.csv'))).toMatchObject(expected)
    },
  )
})
