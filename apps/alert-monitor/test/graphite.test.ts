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
import { openServer, status } from '@armature/webhook/testing-http-server'
import { type Config, settings } from '../src/config.ts'
import type { Notice } from '../src/events.ts'
import { alertMonitor } from '../src/service.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const metric = 'stats.timers.search.upper'
const rule = { type: 'threshold', name: 'stall', metric, stat: 'max', op: '>', value: 1_000, window: '5s' }

/** What a webhook is sent, as Alertmanager writes it. */
interface GroupNotice {
  readonly groupKey: string
  readonly status: string
  readonly groupLabels: Readonly<Record<string, string>>
  readonly alerts: readonly { readonly status: string; readonly labels: Readonly<Record<string, string>> }[]
}

describe.skipIf(skipped('graphite'))('a real Graphite, filled by StatsD', () => {
  let graphite: RunningGraphite | undefined
  let folder = ''

  beforeAll(async () => {
    ;[graphite, folder] = await Promise.all([startGraphite(), mkdtemp(join(tmpdir(), 'graphite-rules-'))])
    await writeFile(join(folder, 'rules.json'), JSON.stringify({ rules: [rule] }))
  }, serverDeadlineMs)

  afterAll(async () => {
    await graphite?.stop()
    if (folder !== '') await rm(folder, { recursive: true })
  })

  const running = (): RunningGraphite => {
    if (graphite === undefined) throw new Error('Graphite did not start')
    return graphite
  }

  /** Calls of 1 to 5 ms of each timer, twenty a second, until the test ends. */
  const traffic = (...timers: readonly string[]) => {
    const socket = createSocket('udp4')
    const send = (names: readonly string[], ms: number) =>
      socket.send(names.map((name) => `${name}:${ms}|ms`).join('\n'), running().statsdPort, '127.0.0.1')
    let sent = 0
    const timer = setInterval(() => send(timers, 1 + (sent++ % 5)), 50)
    onTestFinished(() => {
      clearInterval(timer)
      socket.close()
    })
    return { stall: (...names: readonly string[]) => send(names, 2_500) }
  }

  const watched = async (more: Partial<Config> = {}) => {
    const broker = memoryBroker({ clock: systemClock() })
    const { url } = running()
    const config = settings.parse({
      rulesFile: join(folder, 'rules.json'),
      graphiteUrl: url,
      graphiteTargets: ['stats.timers.*.upper'],
      graphiteEveryMs: 500,
      evaluateEveryMs: 200,
      ...more,
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
    const acked = () => monitor.ledger().find(({ stage }) => stage === 'graphite')?.acked ?? 0
    await vi.waitFor(() => expect(acked()).toBeGreaterThan(3), { timeout: 30_000 })
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
      const { stall } = traffic('search')
      const { monitor, notices } = await watched()
      expect(notices).toEqual([])
      stall('search')
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

  test(
    'series that stall together are raised one by one, and told a receiver as one group, apart from another group; so is their end',
    { timeout: 120_000 },
    async () => {
      const { url, seen } = await openServer(status(200))
      await writeFile(
        join(folder, 'grouped.json'),
        JSON.stringify({
          rules: [
            { ...rule, name: 'slow-answers', metric: 'stats.timers.answers-*.upper', window: '10s' },
            { ...rule, name: 'slow-writes', metric: 'stats.timers.writes.upper', window: '10s' },
          ],
        }),
      )
      await writeFile(
        join(folder, 'alerts.yaml'),
        `route: { receiver: ops, group_by: [alertname], group_wait: 4s, group_interval: 4s }
receivers: [{ name: ops, webhook_configs: [{ url: '${url}', allow_networks: [127.0.0.0/8] }] }]
`,
      )
      const { stall } = traffic('answers-a', 'answers-b', 'answers-c', 'writes')
      const { monitor, notices } = await watched({
        rulesFile: join(folder, 'grouped.json'),
        alertsConfig: join(folder, 'alerts.yaml'),
      })
      stall('answers-a', 'answers-b', 'writes')

      const told = (alertname: string): readonly GroupNotice[] =>
        seen
          .map(({ body }) => JSON.parse(body) as GroupNotice)
          .filter(({ groupLabels }) => groupLabels['alertname'] === alertname)
      const stalled = ['answers-a', 'answers-b'].map((name) => `stats.timers.${name}.upper`)
      const seriesOf = ({ alerts }: GroupNotice) => alerts.map(({ labels }) => labels['metric']).sort()
      const deadline = { timeout: 30_000 }
      await vi.waitFor(() => expect([told('slow-answers'), told('slow-writes')]).toMatchObject([[{}], [{}]]), deadline)
      const [group] = told('slow-answers')
      expect(group).toMatchObject({ status: 'firing', alerts: [{ status: 'firing' }, { status: 'firing' }] })
      expect(group && seriesOf(group)).toEqual(stalled)
      expect(told('slow-writes')[0]?.alerts).toHaveLength(1)
      const raised = notices.filter(({ name, status: is }) => name === 'slow-answers' && is === 'firing')
      expect(raised.map(({ labels }) => labels['metric']).sort()).toEqual(stalled)

      await vi.waitFor(() => expect(told('slow-answers').at(-1)?.status).toBe('resolved'), deadline)
      const ended = told('slow-answers').flatMap(({ alerts }) => alerts.filter((each) => each.status === 'resolved'))
      expect(ended.map(({ labels }) => labels['metric']).sort()).toEqual(stalled)
      expect(new Set(told('slow-answers').map(({ groupKey }) => groupKey)).size).toBe(1)
      expect(monitor.ledger().map(imbalance)).toEqual(monitor.ledger().map(() => 0))
    },
  )
})
