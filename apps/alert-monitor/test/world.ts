import { createSocket } from 'node:dgram'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { drivenClock, type Clock } from '@armature/async/clock'
import { PublishError } from '@armature/messaging/errors'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { bodyJson, message, type Message } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import { imbalance } from '@armature/telemetry/ledger'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { settings, type Config } from '../src/config.ts'
import type { Notice } from '../src/events.ts'
import { alertMonitor } from '../src/service.ts'

export interface WorldOptions {
  readonly config?: Partial<Config>
  /** Written to a file that the config names. Default: `stallRules`. */
  readonly rules?: readonly unknown[] | 'built in'
  /** Stands between the monitor and the broker. */
  readonly through?: (driver: Driver) => Driver
  /** The monitor's clock. Default: the driven clock. */
  readonly clock?: (driven: Clock) => Clock
}

/** A monitor over a memory broker on a driven clock, and a real UDP port. Closed with the test. */
export const openWorld = async ({
  config,
  rules = stallRules,
  through = (driver) => driver,
  clock: seen = (driven) => driven,
}: WorldOptions = {}) => {
  const clock = drivenClock(Date.UTC(2026, 0, 1))
  const broker = memoryBroker({ clock, partitions: 1 })
  const telemetry = testTelemetry('alert-monitor')
  const given = {
    samplesTopic: 'samples',
    ...(rules === 'built in' ? {} : { rulesFile: await rulesFile(rules) }),
    ...config,
  }
  const monitor = alertMonitor(settings.parse(given), {
    telemetry,
    clock: seen(clock),
    openMessaging: () => Promise.resolve(through(broker.connect())),
  })
  onTestFinished(() => monitor.close())
  const client = broker.connect()
  const messages: Message[] = []
  const deadLetters: Message[] = []
  await client.subscribe('alerts.>', (delivery) => Promise.resolve(void messages.push(delivery)))
  await client.subscribe('*.DLT', (delivery) => Promise.resolve(void deadLetters.push(delivery)))
  return {
    clock,
    broker,
    client,
    monitor,
    metrics: telemetry.metrics,
    messages,
    deadLetters,
    notices: () => messages.map((each) => bodyJson(each) as Notice),
    publish: (body: string | Uint8Array) => client.publish('samples', [message('samples', body)]),
    imbalances: () => monitor.ledger().map(imbalance),
    row: (stage: string) => monitor.ledger().find((row) => row.stage === stage),
  }
}

export type World = Awaited<ReturnType<typeof openWorld>>

/** A file that is removed with the test. */
export const rulesFile = async (rules: readonly unknown[]): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'rules-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = join(folder, 'rules.json')
  await writeFile(file, JSON.stringify({ rules }))
  return file
}

/** Rules over the timer `search`: one that is far out of the ordinary, and all of them slow. */
export const stallRules = [
  { type: 'anomaly', name: 'search-stall', metric: '*search', severity: 'critical', minDeviation: 1_000 },
  { type: 'threshold', name: 'search-slow', metric: '*search', stat: 'p50', op: '>', value: 500, forMs: 30_000 },
]

/** A rule for `openWorld`: the gauge `cpu` above 90. */
export const hot = { type: 'threshold', name: 'hot', metric: 'cpu', stat: 'last', op: '>', value: 90 }

/** Timers of 1 to 5 ms as a service sends them, in packets of 20 lines. */
export const ordinary = (count: number): readonly string[] =>
  Array.from({ length: count / 20 }, (_, packet) =>
    Array.from({ length: 20 }, (_, line) => `search:${1 + ((packet + line) % 5)}|ms`).join('\n'),
  )

/** Sends UDP packets to the monitor, one after the other. */
export const sendPackets = async (port: number, packets: readonly (string | Uint8Array)[]): Promise<void> => {
  const socket = createSocket('udp4')
  try {
    for (const packet of packets) {
      await new Promise<void>((resolve, reject) =>
        socket.send(packet, port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error))),
      )
    }
  } finally {
    socket.close()
  }
}

/** Takes no notices while `state.down`. */
export const refusing =
  (state: { down: boolean }) =>
  (driver: Driver): Driver => ({
    ...driver,
    publish: (topic, messages) =>
      state.down && topic.startsWith('alerts.')
        ? Promise.reject(new PublishError('down', { topic, fault: 'unavailable' }))
        : driver.publish(topic, messages),
  })
