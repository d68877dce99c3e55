import { defineEvents, type SentEvent } from '@armature/messaging/events'
import * as z from 'zod'

/** The state of one rule on one series: the body of a message to `alerts.<name>`. */
export const notice = z.object({
  status: z.enum(['firing', 'resolved']),
  name: z.string(),
  rule: z.string().describe('The rule on one line'),
  severity: z.enum(['info', 'warning', 'critical']),
  labels: z
    .record(z.string(), z.string())
    .describe('The metric, its tags and what the rule adds; a tag whose name the rule takes is exported_NAME'),
  fingerprint: z
    .string()
    .describe('The same for the same rule name, metric, tags and labels, whenever and by whichever monitor'),
  value: z.number(),
  threshold: z.number(),
  startsAt: z.iso.datetime().describe('When the condition began to hold'),
  endsAt: z.iso.datetime().nullable().describe('When it was resolved; null while it fires'),
  summary: z.string(),
  suppressedBy: z
    .array(z.string())
    .optional()
    .describe(
      'The ids of silences and the fingerprints of alerts that keep it from the receivers; missing = nothing does',
    ),
  claimedBy: z.string().optional().describe('Who works on it; missing = nobody'),
  flapScore: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe('How often it began and ended of late, from 0 to 1; missing = it did not come back'),
})
export type Notice = Readonly<z.infer<typeof notice>>

/** The topic of the notices of an alert. */
export const alertTopic = (name: string): string => `alerts.${name}`

/** The CloudEvents `type` of a notice. */
export const alertType = (status: Notice['status']): string => `armature.alert.${status}`

const alert: SentEvent = {
  name: 'alert',
  summary: 'An alert fires, still fires, or is resolved',
  topic: alertTopic('{name}'),
  types: notice.shape.status.options.map(alertType),
  schema: notice,
}

/** What is read of a sample in JSON. The body may be an array of them, or StatsD lines as well. */
const samples = { name: 'samples', topic: { setting: 'samplesTopic' } } as const

/** All that alert-monitor publishes and takes from topics. */
export const events = defineEvents({ sends: [alert], receives: [samples] })
