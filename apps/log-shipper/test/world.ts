import { PassThrough, type Writable } from 'node:stream'
import { type DrivenClock, drivenClock } from '@armature/async/clock'
import { PublishError } from '@armature/messaging/errors'
import { type MemoryBroker, memoryBroker } from '@armature/messaging-memory/broker'
import { bodyText, type Message } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import type { Service } from '@armature/service/service'
import { imbalance } from '@armature/telemetry/ledger'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { onTestFinished } from 'vitest'
import { type Config, settings } from '../src/config.ts'
import { type Input, streamInput } from '../src/input.ts'
import { logShipper } from '../src/service.ts'
import { type SimulatedDisk, simulatedDisk } from './simulated-disk.ts'

export interface WorldOptions {
  readonly config?: Partial<Config>
  readonly disk?: SimulatedDisk
  readonly broker?: MemoryBroker
  readonly clock?: DrivenClock
  /** Stands between the shipper and the broker. */
  readonly through?: (driver: Driver) => Driver
  /** Opens the broker. Default: it is there. */
  readonly open?: () => Promise<Driver>
  readonly echo?: Writable
  readonly fields?: Readonly<Record<string, string>>
  /** Default: a stream. */
  readonly openInput?: () => Promise<Input>
}

/** A shipper over a memory broker and a simulated disk, on a driven clock. Closed with the test. */
export const openWorld = async (options: WorldOptions = {}) => {
  const { disk = simulatedDisk(), clock = drivenClock(Date.UTC(2026, 0, 1)), through = (driver) => driver } = options
  const broker = options.broker ?? memoryBroker({ clock })
  const telemetry = testTelemetry('log-shipper')
  const input = new PassThrough()
  const shipper: Service = logShipper(settings.parse({ topic: 'logs.test', source: 'here', ...options.config }), {
    telemetry,
    clock,
    openMessaging: options.open ?? (async () => through(broker.connect())),
    openSpoolFolder: async () => ({ disk, close: async () => undefined }),
    openInput: options.openInput ?? (async () => streamInput(input)),
    echo: options.echo,
    fields: options.fields,
  })
  // A disk whose process has crashed answers nothing any more.
  onTestFinished(() => shipper.close().catch(() => undefined))
  const messages: Message[] = []
  const letters: Message[] = []
  const client = broker.connect()
  const keep = (into: Message[]) => async (message: Message) => void into.push(message)
  await client.subscribe('logs.test', keep(messages), { from: 'earliest' })
  await client.subscribe('logs.test.DLT', keep(letters), { from: 'earliest' })
  const row = () => shipper.ledger()[0]!
  return {
    clock,
    broker,
    disk,
    input,
    shipper,
    metrics: telemetry.metrics,
    messages,
    letters,
    texts: () => messages.map(bodyText),
    row,
    imbalance: () => imbalance(row()),
  }
}

export type World = Awaited<ReturnType<typeof openWorld>>

/** Drains the service as the lifecycle does at the end. */
export const drain = async ({ stopIntake, finish, flush, close }: Service): Promise<void> => {
  await stopIntake?.()
  await finish?.()
  await flush?.()
  await close()
}

export const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}`)

/** The driver, with every publish first given to `before`. */
export const guarded =
  (before: (topic: string, messages: readonly Message[]) => Promise<void> | void) =>
  (driver: Driver): Driver => ({
    ...driver,
    publish: async (topic, messages) => {
      await before(topic, messages)
      await driver.publish(topic, messages)
    },
  })

export const unavailable = (topic: string) => new PublishError('the broker is away', { topic, fault: 'unavailable' })
