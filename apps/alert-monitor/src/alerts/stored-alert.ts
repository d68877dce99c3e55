import * as z from 'zod'
import { notice } from '../events.ts'
import type { Alert } from './alert.ts'

const labels = z.record(z.string(), z.string())

const told = z.object({
  status: z.enum(['firing', 'resolved']),
  startsAtMs: z.number(),
  isQuiet: z.boolean(),
  atMs: z.number(),
})

/** What the topic of an alert was last told. */
export type Told = Readonly<z.infer<typeof told>>

/** An alert as it is kept. */
export const storedAlert = z.object({
  alert: z.object({
    fingerprint: z.string(),
    labels,
    annotations: labels,
    startsAtMs: z.number(),
    endsAtMs: z.number(),
    updatedAtMs: z.number(),
    generatorUrl: z.string(),
    notice,
    trace: labels,
  }),
  told: told.optional(),
})

export type StoredAlert = Readonly<z.infer<typeof storedAlert>>

/** What is known of an alert, and what is said of it now: one that fires goes on firing, one that is over begins anew. */
export const merged = (held: Alert, next: Alert): Alert => {
  const isOver = held.notice.status === 'resolved'
  if (isOver) return next.notice.status === 'resolved' && next.startsAtMs <= held.startsAtMs ? held : next
  const startsAtMs = Math.min(held.startsAtMs, next.startsAtMs)
  return {
    ...next,
    startsAtMs,
    trace: held.trace,
    notice: { ...next.notice, startsAt: new Date(startsAtMs).toISOString() },
  }
}

/** Whether the topic has to be told: of a beginning, an end, a change of what keeps the alert quiet, or again after `repeatMs`. */
export const isTopicDue = (
  { alert, told: last }: StoredAlert,
  { nowMs, repeatMs, isQuiet, isClaimed }: { nowMs: number; repeatMs: number; isQuiet: boolean; isClaimed: boolean },
): boolean => {
  const { status } = alert.notice
  if (last === undefined || last.startsAtMs !== alert.startsAtMs || last.status !== status) return true
  return status === 'firing' && (last.isQuiet !== isQuiet || (nowMs - last.atMs >= repeatMs && !isClaimed))
}
