import * as z from 'zod'

/** What a receiver was last told of a group, and who tells it now. */
export const logRecord = z.object({
  /** The firing alerts it knows of. */
  firing: z.array(z.string()),
  /** Milliseconds since the epoch; 0 = it was not told yet. */
  toldAtMs: z.number(),
  /** An instance that tells it now; until `untilMs` no other does. */
  lease: z.object({ owner: z.string(), untilMs: z.number() }).optional(),
})

export type LogRecord = Readonly<z.infer<typeof logRecord>>

/** The alerts of a group, as they are now. */
export interface GroupState {
  /** Those that fire and may be told. */
  readonly firing: readonly string[]
  /** Those that fire and are kept quiet. */
  readonly quiet: readonly string[]
  readonly resolved: readonly string[]
  /** Every firing alert is claimed. */
  readonly isClaimed: boolean
}

export type Need = 'nothing' | 'tell' | 'note'

/**
 * What a receiver needs: to be told of an alert that is new to it, of the end of one that it knows, or again after `repeatIntervalMs` unless
 * all are claimed. It never hears of the end of what it did not hear of. `note`: the log alone changes.
 */
export const needOf = (
  record: LogRecord | undefined,
  { firing, resolved, isClaimed }: GroupState,
  { nowMs, repeatIntervalMs, sendResolved }: { nowMs: number; repeatIntervalMs: number; sendResolved: boolean },
): Need => {
  const known = new Set(record?.firing)
  if (firing.some((fingerprint) => !known.has(fingerprint))) return 'tell'
  const hasEnded = resolved.some((fingerprint) => known.has(fingerprint))
  if (hasEnded) return sendResolved ? 'tell' : 'note'
  const isDue = nowMs - (record?.toldAtMs ?? 0) >= repeatIntervalMs
  return firing.length > 0 && isDue && !isClaimed ? 'tell' : 'nothing'
}

/** The firing alerts that a receiver knows of once it was told: a known one that is kept quiet meanwhile stays known. */
export const knownAfter = (record: LogRecord | undefined, { firing, quiet }: GroupState): readonly string[] => {
  const known = new Set(record?.firing)
  return [...firing, ...quiet.filter((fingerprint) => known.has(fingerprint))]
}

/** The record without the alerts that are gone, so that they are new when they fire again; undefined = it is of no use any more. */
export const recordOfKept = (
  record: LogRecord,
  { isKept, nowMs }: { isKept: (fingerprint: string) => boolean; nowMs: number },
): LogRecord | undefined => {
  const firing = record.firing.filter(isKept)
  const isLeased = record.lease !== undefined && record.lease.untilMs > nowMs
  if (firing.length === 0 && !isLeased) return undefined
  return firing.length === record.firing.length ? record : { ...record, firing }
}
