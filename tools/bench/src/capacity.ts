import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { jsonMessage } from '@armature/messaging/message'
import { openDriver } from '@armature/messaging-drivers/open'
import { execute } from '@armature/servers/execute'
import { freePort, freeUdpPort } from '@armature/servers/free-port'
import { nats } from '@armature/servers/nats'
import { spreadOf, written } from './compare.ts'
import { meterOf } from './processor-time.ts'
import { residentMebibytes } from './resident-memory.ts'

interface Load {
  readonly app: string
  readonly what: string
  readonly events: number
  env(): Promise<Readonly<Record<string, string>>>
  /** Sends `events` to the app that runs with this environment. */
  send(env: Readonly<Record<string, string>>, events: number): Promise<void>
}

interface Cost {
  readonly microseconds: number
  readonly mebibytes: number
}

const rounds = 5
const runDeadlineMs = 120_000
const pollMs = 50
const root = fileURLToPath(new URL('../../..', import.meta.url))

/**
 * What an event costs the apps that no peer is measured against: processor time beside that of an idle app, and resident memory. One core handles 1,000,000
 * divided by these microseconds a second.
 */
export const capacity = async (): Promise<string> => {
  const broker = await nats.start()
  try {
    const rows: string[] = []
    for (const load of [reactor(broker.url), alertMonitor]) {
      const bundle = ['tools/bundle/src/main.ts', `@armature/${load.app}`]
      await execute(process.execPath, bundle, { deadlineMs: 300_000, cwd: root })
      const costs: Cost[] = []
      for (let round = 0; round < rounds; round += 1) {
        process.stderr.write(`  ${load.app}, round ${round + 1} of ${rounds} ...\n`)
        costs.push(await costOf(load))
      }
      const microseconds = spreadOf(costs.map((cost) => cost.microseconds))
      const mebibytes = spreadOf(costs.map((cost) => cost.mebibytes))
      rows.push(`| ${load.app} | ${load.what} | ${written(microseconds, 1)} | ${written(mebibytes, 0)} |`)
    }
    return [
      '### Capacity',
      '',
      '| | events | µs of CPU an event: median (min to max) | MiB resident, at most |',
      '| --- | --- | --- | --- |',
      ...rows,
      '',
    ].join('\n')
  } finally {
    await broker.stop()
  }
}

const reactor = (natsUrl: string): Load => ({
  app: 'reactor',
  what: 'an alert of JetStream, logged',
  events: 20_000,
  env: () => Promise.resolve({ MESSAGING_URL: natsUrl.replace(/^nats:/, 'jetstream:') }),
  send: async ({ MESSAGING_URL = '' }, events) => {
    const driver = await openDriver(MESSAGING_URL, { source: '/armature/bench' })
    const startsAt = new Date().toISOString()
    const data = {
      status: 'firing',
      name: 'bench',
      severity: 'info',
      summary: 'half of the searches take long',
      startsAt,
    }
    const together = 500
    for (let sent = 0; sent < events; sent += together) {
      const alerts = Array.from({ length: together }, (_, number) =>
        jsonMessage('alerts.bench', { ...data, value: number }, { key: `rule-${number % 50}` }),
      )
      await driver.publish('alerts.bench', alerts)
    }
    await driver.close()
  },
})

const alertMonitor: Load = {
  app: 'alert-monitor',
  what: 'a StatsD timing, looked at by the built-in rules',
  events: 200_000,
  env: async () => ({ STATSD_LISTEN_PORT: String(await freeUdpPort()) }),
  send: async ({ STATSD_LISTEN_PORT }, events) => {
    const socket = createSocket('udp4')
    const linesPerPacket = 20
    const packetsPerTick = 10
    for (let sent = 0; sent < events; sent += linesPerPacket * packetsPerTick) {
      for (let packet = 0; packet < packetsPerTick; packet += 1) {
        const lines = Array.from({ length: linesPerPacket }, (_, line) => `bench.search:${10 + ((sent + line) % 7)}|ms`)
        socket.send(lines.join('\n'), Number(STATSD_LISTEN_PORT), '127.0.0.1')
      }
      await pause(10)
    }
    socket.close()
  },
}

const costOf = async ({ app, events, env, send }: Load): Promise<Cost> => {
  const port = await freePort()
  const own = await env()
  const child = spawn(process.execPath, [join(root, `apps/${app}/dist/main.js`)], {
    env: { ...process.env, ...own, HTTP_PORT: String(port), STATSD_PORT: '0' },
    stdio: 'ignore',
  })
  try {
    const pid = child.pid ?? 0
    const deadlineMs = performance.now() + runDeadlineMs
    const settled = async () => settledIn(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text(), app)
    const isReady = () =>
      fetch(`http://127.0.0.1:${port}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      )
    while (!(await isReady())) await pauseUntil(deadlineMs, `${app} is not ready`)
    const cpu = meterOf(pid)
    const idleMs = cpu()
    const before = await settled()
    let mebibytes = 0
    await send(own, events)
    for (;;) {
      const count = (await settled()) - before
      mebibytes = Math.max(mebibytes, residentMebibytes(pid) || 0)
      // UDP may lose some.
      if (count >= events * 0.99) return { microseconds: ((cpu() - idleMs) * 1_000) / count, mebibytes }
      await pauseUntil(deadlineMs, `${app}: ${count} of ${events}`)
    }
  } finally {
    const exited = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await exited
  }
}

const pauseUntil = async (deadlineMs: number, situation: string): Promise<void> => {
  if (performance.now() > deadlineMs) throw new Error(`${situation} after ${runDeadlineMs / 1_000} s`)
  await pause(pollMs)
}

const settledIn = (metrics: string, stage: string): number =>
  metrics
    .split('\n')
    .filter((line) => line.startsWith('ledger_acked_total{') && line.includes(`stage="${stage}"`))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
