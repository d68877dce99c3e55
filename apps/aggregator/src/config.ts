import * as z from 'zod'
import { commonSettings, databaseSettings, messagingSettings } from '@armature/config/common'
import { consulSettings, kvSettings, registrationSettings } from '@armature/config/consul'
import { bytes, checkedText, choice, durationMs, integer, text, toggle } from '@armature/config/settings'
import { documentIds, operations } from './opensearch-document.ts'
import { sinkKindOf } from './sink-url.ts'

/** The sink of groups. Without a URL it is the database. */
export const sinkSettings = {
  sinkUrl: checkedText((value) => void sinkKindOf(value))
    .optional()
    .meta({
      description:
        'OpenSearch or Elasticsearch and its index, https://user@host:9200/logs-%Y.%m.%d; file:///FOLDER; or a broker (none = the database)',
      secret: true,
    }),
  sinkTopic: text().optional().meta({ description: 'Topic to publish to, where the sink is a broker' }),
  sinkPassword: text().optional().meta({ description: "Password of the user in the sink's URL", secret: true }),
  sinkApiKey: text()
    .regex(/^[\w+/=.-]+$/, { error: 'is no API key in base64' })
    .optional()
    .meta({ description: 'API key for the sink, in base64 as the server shows it', secret: true }),
  sinkCa: text().optional().meta({ description: "PEM file of the authorities for the sink's certificate" }),
  sinkOperation: choice(operations).default('create').meta({
    description: 'What happens to a document when its id comes again: it stays (create) or is replaced (index)',
  }),
  sinkDocumentId: choice(documentIds)
    .default('id')
    .meta({ description: "Source of a document's id: the id of the event, its source and id, or its key" }),
  sinkVersionHeader: text()
    .optional()
    .meta({ description: 'Header with the version of a document; the greater version is kept' }),
  sinkDataStream: toggle().default(false).meta({ description: 'The index is a data stream' }),
  sinkTemplate: toggle().default(true).meta({ description: 'Install the index template at the start if it is absent' }),
  sinkMaxConcurrency: integer({ min: 1, max: 64 })
    .default(8)
    .meta({ description: 'Most requests to the sink at once; their number follows its latency' }),
}

export const settings = z.object({
  ...commonSettings,
  ...messagingSettings,
  ...consulSettings,
  ...kvSettings,
  ...registrationSettings,
  ...databaseSettings,
  ...sinkSettings,
  pipelines: text().optional().meta({
    description: 'YAML file of pipelines; the other settings are their defaults (none = one pipeline)',
  }),
  dryRun: toggle().default(false).meta({
    description: 'Read without a group, and print each group that would be written: nothing is acknowledged or stored',
  }),
  topic: text()
    .default('logs.>')
    .meta({ description: 'Topic to aggregate; a wildcard leaves out dead-letter topics', short: 't' }),
  group: text().default('aggregator').meta({ description: 'Consumer group' }),
  correlateBy: text()
    .default('topic')
    .meta({ description: 'What the messages of a group share: topic, key, header:NAME or json:PATH' }),
  completeCount: integer({ min: 1, max: 100_000 }).default(500).meta({ description: 'Messages that complete a group' }),
  completeBytes: bytes({ min: 1, max: 64 * 1024 * 1024 })
    .default(1024 * 1024)
    .meta({ description: 'Bytes of body that complete a group' }),
  completePeriodMs: durationMs({ min: 1, max: 3_600_000 })
    .default(1_000)
    .meta({ description: 'Time after its first message that completes a group, in milliseconds' }),
  completeInactivityMs: durationMs({ min: 1, max: 3_600_000 })
    .optional()
    .meta({ description: 'Time after its last message that completes a group, in milliseconds' }),
  completeHeader: text().optional().meta({ description: 'Header of the last message of a group' }),
  partsHeader: text().optional().meta({ description: 'Header with the number of messages that complete a group' }),
  inOrder: toggle().default(false).meta({
    description: 'Write the groups of a key one after the other; one that fails is written again before the next',
  }),
  lateTopic: text().optional().meta({
    description: 'Topic for messages that come after their group was completed (none = they begin a new group)',
  }),
  maxRememberedMessages: integer({ min: 1, max: 10_000_000 })
    .default(100_000)
    .meta({ description: 'Messages of complete groups that are remembered, to recognise late ones' }),
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
    .meta({ description: 'Attempts to write a batch before its messages go back to the broker' }),
  writeRetryDelayMs: durationMs({ min: 1, max: 60_000 })
    .default(200)
    .meta({ description: 'Longest wait before the second write of a batch, in milliseconds; doubles with each write' }),
  writeTimeoutMs: durationMs({ min: 1, max: 600_000 })
    .default(30_000)
    .meta({ description: 'Time after which a write counts as failed, in milliseconds' }),
})

export type Config = Readonly<z.infer<typeof settings>>
export type SinkSettings = Readonly<z.infer<z.ZodObject<typeof sinkSettings>>>
