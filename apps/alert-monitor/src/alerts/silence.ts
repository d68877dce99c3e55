import * as z from 'zod'
import { createMatcher, matchesAll, type Matcher } from './matcher.ts'
import type { Labels } from './alert.ts'

export const maxSilenceMatchers = 20
const maxValueChars = 1_024
const maxCommentChars = 4_096
const maxNameChars = 200

/** A matcher as Alertmanager's API writes it. */
export const writtenMatcher = z.object({
  name: z.string().min(1).max(maxNameChars),
  value: z.string().max(maxValueChars),
  isRegex: z.boolean(),
  isEqual: z.boolean().default(true),
})

/** What a silence is made of. */
export const silenceParts = z.object({
  matchers: z.array(writtenMatcher).min(1).max(maxSilenceMatchers),
  startsAtMs: z.number(),
  endsAtMs: z.number(),
  createdBy: z.string().max(maxNameChars),
  comment: z.string().max(maxCommentChars),
})

/** As it is kept. */
export const silenceRecord = silenceParts.extend({ id: z.string().min(1).max(100), updatedAtMs: z.number() })

export type SilenceParts = Readonly<z.infer<typeof silenceParts>>
export type SilenceRecord = Readonly<z.infer<typeof silenceRecord>>

/** Alerts that fit all its matchers are not told while it is active. */
export interface Silence extends SilenceRecord {
  covers(labels: Labels): boolean
}

export type SilenceState = 'pending' | 'active' | 'expired'

/** Whether the silence has begun and not ended. */
export const silenceState = (
  { startsAtMs, endsAtMs }: Pick<SilenceRecord, 'startsAtMs' | 'endsAtMs'>,
  nowMs: number,
): SilenceState => (endsAtMs <= nowMs ? 'expired' : startsAtMs > nowMs ? 'pending' : 'active')

/** A silence that cannot be kept; the text says why and what to do. */
export class SilenceError extends Error {
  override readonly name = 'SilenceError'
}

/** The silence of a record. Throws MatcherError, and SilenceError for one that would never end, never begin, or cover every alert. */
export const createSilence = (record: SilenceRecord): Silence => {
  const matchers: readonly Matcher[] = record.matchers.map(createMatcher)
  if (!(record.endsAtMs > record.startsAtMs))
    throw new SilenceError('the silence ends before it starts: give a later end')
  if (matchers.every((matcher) => matcher.matches({})))
    throw new SilenceError('the silence would cover every alert: give one matcher that an empty label does not fit')
  return { ...record, covers: (labels) => matchesAll(matchers, labels) }
}

/** Whether a silence can be changed in place: one that has begun keeps its matchers and its start. */
export const canChange = (held: SilenceRecord, asked: SilenceParts, nowMs: number): boolean => {
  const state = silenceState(held, nowMs)
  if (state === 'expired' || JSON.stringify(held.matchers) !== JSON.stringify(asked.matchers)) return false
  return state === 'pending' || held.startsAtMs === asked.startsAtMs
}
