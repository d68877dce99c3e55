import { onTestFinished } from 'vitest'
import { drivenClock } from '@armature/async/clock'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { jsonMessage, message, type Message, type MessageOptions } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import { imbalance, type LedgerRow } from '@armature/telemetry/ledger'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { settings, type Config } from '../src/config.ts'
import type { HandlerTools } from '../src/handler-tools.ts'
import { on, type OnOptions, type React, type Registration } from '@armature/messaging/on'
import { reactor } from '../src/service.ts'

export interface WorldOptions {
  readonly config?: Partial<Config>
  /** Stands between the reactor and the broker. */
  readonly through?: (driver: Driver) => Driver
  /** Default: the reactor's own. */
  readonly handlers?: (tools: HandlerTools) => readonly Registration[]
}

/** A reactor over a memory broker on a driven clock. Closed with the test. */
export const openWorld = async ({ config, through = (driver) => driver, handlers }: WorldOptions = {}) => {
  const clock = drivenClock(Date.UTC(2026, 0, 1))
  const broker = memoryBroker({ clock, partitions: 1 })
  const telemetry = testTelemetry('reactor')
  const edges = { telemetry, clock, openMessaging: () => Promise.resolve(through(broker.connect())) }
  const service = reactor(settings.parse({ ...config }), edges, handlers)
  onTestFinished(() => service.close())
  const client = broker.connect()
  const deadLetters: Message[] = []
  const keep = (delivery: Message) => Promise.resolve(void deadLetters.push(delivery))
  for (const pattern of ['*.DLT', '*.*.DLT', '*.*.*.DLT']) await client.subscribe(pattern, keep)
  return {
    clock,
    broker,
    client,
    service,
    deadLetters,
    metrics: telemetry.metrics,
    publish: (topic: string, body: string | Uint8Array, options?: MessageOptions) =>
      client.publish(topic, [message(topic, body, options)]),
    publishJson: (topic: string, value: unknown, options?: MessageOptions) =>
      client.publish(topic, [jsonMessage(topic, value, options)]),
    reasons: () => deadLetters.map(({ topic, headers }) => `${topic}: ${headers['dlt-reason']}`),
    row: (): LedgerRow => {
      const [row] = service.ledger()
      if (row === undefined) throw new Error('no ledger')
      return row
    },
    imbalance: () => service.ledger().map(imbalance),
  }
}

/** A reactor with one handler that notes the bodies it was given. */
export const openNoting = async (
  topic: string,
  options: Partial<OnOptions<undefined>> = {},
  more: WorldOptions & { readonly react?: React<undefined> } = {},
) => {
  const { react, ...rest } = more
  const bodies: string[] = []
  const noting: React<undefined> = async (reaction) => {
    bodies.push(Buffer.from(reaction.message.body).toString('latin1'))
    await react?.(reaction)
  }
  const world = await openWorld({ ...rest, handlers: () => [on(topic, { name: 'noting', ...options }, noting)] })
  await world.service.start()
  return { ...world, bodies }
}
