import type { z } from 'zod'
import { text } from '@armature/config/settings'
import { checkPattern, checkTopic } from '@armature/messaging/topic-pattern'
import { durationMsOf, perSecondOf } from './duration.ts'

/** A text that `check` takes, else a fault with what it throws. */
export const checked = (check: (value: string) => void) =>
  text().superRefine((value, context: z.RefinementCtx) => {
    try {
      check(value)
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) })
    }
  })

/** A concrete topic. */
export const topicName = () => checked(checkTopic)

/** A topic that may hold wildcards. */
export const topicPattern = () => checked(checkPattern)

/** `250ms`, `10s`, `5m`, `2h`, `7d`. */
export const durationText = () =>
  text()
    .refine((value) => durationMsOf(value) !== undefined, { error: 'is not a duration' })
    .meta({ accepts: 'a duration such as 250ms, 10s, 5m, 2h or 7d' })

/** `100/s`, `30/m`. */
export const rateText = () =>
  text()
    .refine((value) => perSecondOf(value) !== undefined, { error: 'is not a rate' })
    .meta({ accepts: 'a rate such as 100/s or 30/m' })
