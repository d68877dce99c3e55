import { brokerUrl, bytes, durationMs, integer, text } from '@armature/config/settings'
import * as z from 'zod'
import { conditionSchema, fieldText } from './condition.ts'
import { foldFieldSchema } from './fold.ts'
import { sinkEntrySchema } from './sink-entry.ts'

const maxPipelines = 100
const maxTests = 1_000
const maxSteps = 10_000
const name = () => z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, { error: 'is no name: small letters, digits and -' })

const input = z.strictObject({
  messagingUrl: brokerUrl().optional().meta({ description: 'Broker. Default: MESSAGING_URL' }),
  topic: text().meta({ description: 'Topic, with wildcards where the broker has them' }),
  group: text().optional().meta({ description: 'Consumer group. Default: aggregator-NAME' }),
  maxInFlight: integer({ min: 1, max: 1_000_000 }).optional().meta({ description: 'Messages held at once' }),
  maxInFlightBytes: bytes({ min: 1024 }).optional().meta({ description: 'Bytes of body held at once' }),
})

const complete = z
  .strictObject({
    count: integer({ min: 1, max: 100_000 }).optional().meta({ description: 'Messages' }),
    bytes: bytes({ min: 1, max: 64 * 1024 * 1024 })
      .optional()
      .meta({ description: 'Bytes of body' }),
    periodMs: durationMs({ min: 1, max: 3_600_000 }).optional().meta({ description: 'Time since the first message' }),
    inactivityMs: durationMs({ min: 1, max: 3_600_000 })
      .optional()
      .meta({ description: 'Time since the last message' }),
    header: text().optional().meta({ description: 'The header that the last message of a group has' }),
    last: z.array(conditionSchema).min(1).optional().meta({ description: 'What the last message of a group is like' }),
    partsHeader: text().optional().meta({ description: 'The header that says how many messages a group has' }),
  })
  .refine((conditions) => Object.keys(conditions).length > 0, { error: 'says nothing: no group would be complete' })

const step = z.union(
  [
    z.strictObject({
      id: text().optional(),
      topic: text().optional(),
      key: text().optional(),
      headers: z.record(z.string(), z.string()).optional(),
      body: z.unknown().optional().meta({ description: 'A text is the body as it is, anything else its JSON' }),
      times: integer({ min: 1, max: maxSteps })
        .optional()
        .meta({ description: 'So many messages, with ids of their own' }),
    }),
    z.strictObject({ waitMs: durationMs({ min: 0, max: 86_400_000 }) }),
    z.strictObject({ completeAll: z.literal(true) }),
  ],
  { error: 'is no step: a message (id, topic, key, headers, body, times), waitMs or completeAll' },
)

const expectedGroup = z.strictObject({
  key: text().optional(),
  by: z
    .enum(['special', 'predicate', 'count', 'size', 'period', 'inactivity', 'limit', 'flush'])
    .optional()
    .meta({ description: 'What completed the group' }),
  events: integer({ min: 1 }).optional().meta({ description: 'Messages in the group' }),
  ids: z.array(text()).optional(),
  body: z.unknown().optional().meta({ description: 'The merged document' }),
})

const testCase = z.strictObject({
  name: text(),
  steps: z.array(step).min(1).max(maxSteps),
  expect: z.array(expectedGroup).meta({ description: 'The groups in the order of their completion' }),
  discarded: integer({ min: 0 }).optional().meta({ description: 'Messages that the filter leaves out' }),
  late: integer({ min: 0 }).optional().meta({ description: 'Messages that come after their group was completed' }),
  deadLettered: z.array(text()).optional().meta({ description: 'The reasons of dead letters, in their order' }),
  open: integer({ min: 0 }).optional().meta({ description: 'Groups that are open at the end' }),
})

const pipeline = z.strictObject({
  name: name().meta({ description: 'Unique in the file: in metrics, logs and the name of the group' }),
  input,
  filter: z.array(conditionSchema).optional().meta({ description: 'Messages that do not fulfil all are acknowledged' }),
  correlateBy: fieldText().default('topic'),
  complete,
  maxOpenGroups: integer({ min: 1, max: 1_000_000 }).optional(),
  merge: z
    .union([z.literal('list'), z.record(z.string().min(1), foldFieldSchema)], {
      error: "is neither 'list' nor fields, each {first: FIELD}, {last: FIELD}, {sum: FIELD} or {count: FIELD}",
    })
    .default('list')
    .meta({ description: 'list: each message is a document. Else one document a group, with these fields' }),
  inOrder: z.boolean().default(false).meta({ description: 'The groups of a key are written one after the other' }),
  late: z
    .strictObject({ topic: text(), maxRememberedMessages: integer({ min: 1, max: 10_000_000 }).default(100_000) })
    .optional()
    .meta({ description: 'Where messages go that come after their group was completed. Default: a new group' }),
  sink: sinkEntrySchema.optional().meta({ description: 'Default: as SINK_URL and DATABASE_URL say' }),
  tests: z.array(testCase).max(maxTests).optional(),
})

/** A file of pipelines. */
export const pipelineFileSchema = z.strictObject({
  $schema: z.string().optional(),
  pipelines: z.array(pipeline).min(1).max(maxPipelines),
})

export type PipelineFile = z.output<typeof pipelineFileSchema>
export type PipelineEntry = PipelineFile['pipelines'][number]
export type TestCase = z.output<typeof testCase>

/** The schema of the file as JSON schema, for editors. */
export const pipelineJsonSchema = (): Record<string, unknown> => ({
  title: 'Pipelines of the aggregator',
  ...z.toJSONSchema(pipelineFileSchema, {
    io: 'input',
    target: 'draft-2020-12',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      for (const key of ['accepts', 'env', 'flag', 'short', 'secret', 'fileVariable', 'hot', 'beforeKv'])
        delete jsonSchema[key]
    },
  }),
})
