import { defineEvents } from '@armature/messaging/events'
import * as z from 'zod'

const maxTextLength = 500
const text = z.string().transform((value) => value.slice(0, maxTextLength))

/** The alerts that are logged, and what is read of them. They may have more. */
export const alerts = {
  name: 'log-alert',
  topic: 'alerts.>',
  schema: z.object({
    status: z.enum(['firing', 'resolved']),
    name: text,
    severity: text.default('warning'),
    summary: text.default(''),
    startsAt: z.iso.datetime().optional(),
    endsAt: z.iso.datetime().nullish(),
    value: z.number().optional(),
  }),
} as const

/** The messages that are posted to the webhook, where one is set. */
export const forwarded = { name: 'forward-to-webhook', topic: { setting: 'webhookTopic' } } as const

/** All that the reactor takes from topics. */
export const events = defineEvents({ sends: [], receives: [alerts, forwarded] })
