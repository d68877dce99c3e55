import * as z from 'zod'
import { commonSettings, databaseSettings, messagingSettings } from '@armature/config/common'
import { consulSettings, kvSettings, registrationSettings } from '@armature/config/consul'
import { bytes, durationMs, integer, text } from '@armature/config/settings'

export const settings = z.object({
  ...commonSettings,
  ...messagingSettings,
  ...consulSettings,
  ...kvSettings,
  ...registrationSettings,
  ...databaseSettings,
  topic: text()
    .default('logs.>')
    .meta({ description: 'Topic to aggregate; a wildcard leaves out dead-letter topics', short: 't' }),
  group: text().default('aggregator').meta({ description: 'Consumer group' }),
  correlateBy: text()
    .default('topic')
    .meta({ description: 'What the messages of a group share: topic, key, header:NAME or json:PATH' }),
  completeCount: integer({ min: 1, max: 100_000 })
    .default(500)
    .meta({ description: 'A group is complete with so many messages' }),
  completeBytes: bytes({ min: 1, max: 64 * 1024 * 1024 })
    .default(1024 * 1024)
    .meta({ description: 'A group is complete with so many bytes of body' }),
  completePeriodMs: durationMs({ min: 1, max: 3_600_000 })
    .default(1_000)
    .meta({ description: 'A group is complete so long after its first message, in milliseconds' }),
  completeInactivityMs: durationMs({ min: 1, max: 3_600_000 })
    .optional()
    .meta({ description: 'A group is complete so long after its last message, in milliseconds' }),
  completeHeader: text().optional().meta({ description: 'A message with this header is the last of its group' }),
  partsHeader: text().optional().meta({ description: 'A group is complete with as many messages as this header says' }),
  maxOpenGroups: integer({ min: 1, max: 1_000_000 })
    .default(1_000)
    .meta({ description: 'Groups open at once; one more completes the oldest early' }),
  maxInFlight: integer({ min: 1, max: 1_000_000 })
    .default(5_000)
    .meta({ description: 'Messages held unacknowledged at once' }),
  maxInFlightBytes: bytes({ min: 1024 })
    .default(32 * 1024 * 1024)
    .meta({ description: 'Bytes of body held unacknowledged at once' }),
  maxWriteAttempts: integer({ min: 1, max: 100 })
    .default(5)
    .meta({ description: 'Writes of a batch before its messages are given back to the broker' }),
  writeRetryDelayMs: durationMs({ min: 1, max: 60_000 })
    .default(200)
    .meta({ description: 'Longest first wait between two writes of a batch, in milliseconds; doubles' }),
  writeTimeoutMs: durationMs({ min: 1, max: 600_000 })
    .default(30_000)
    .meta({ description: 'A write that takes longer counts as failed, in milliseconds' }),
})

export type Config = Readonly<z.infer<typeof settings>>
