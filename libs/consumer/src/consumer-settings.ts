import type { CommonConfig, MessagingConfig } from '@armature/config/common'
import { bytes, durationMs, integer, text } from '@armature/config/settings'

/** The settings of every service of handlers, beside `commonSettings` and `messagingSettings`. */
export const consumerSettings = (name: string) => ({
  group: text()
    .max(100)
    .default(name)
    .meta({
      description: `Consumer group of the handlers; ${name}s of one group share the messages`,
      env: `${name.toUpperCase().replaceAll('-', '_')}_GROUP`,
    }),
  maxInFlight: integer({ min: 1, max: 100_000 })
    .default(100)
    .meta({ description: 'Messages that one handler works on at once' }),
  maxInFlightBytes: bytes({ min: 1 })
    .default(16_777_216)
    .meta({ description: 'Bytes of messages that one handler works on at once' }),
  handlerTimeoutMs: durationMs({ min: 1 })
    .default(30_000)
    .meta({ description: 'Timeout of one attempt of a handler, in milliseconds, unless the handler has its own' }),
})

export interface ConsumerConfig extends CommonConfig, MessagingConfig {
  readonly group: string
  readonly maxInFlight: number
  readonly maxInFlightBytes: number
  readonly handlerTimeoutMs: number
}
