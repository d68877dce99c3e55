import { reconnectDelayMs } from '@armature/async/backoff'
import type { Claim } from './claim.ts'
import { complaint, faultText, type Complaint } from './faults.ts'
import { partitionName } from './offsets.ts'

/** The fetched data could not be decoded. No other try will do. */
export class UndecodableError extends Error {
  override readonly name = 'UndecodableError'
}

/** The partitions that were not read when they were last tried. */
export interface FailingPartitions {
  /** It was not read, as nothing of its broker was: it is tried with the others again. */
  notRead(claim: Claim, fault: unknown): void
  /** It failed by itself: it waits alone, longer each time, and the others go on. */
  failed(claim: Claim, fault: unknown): void
  /** It was read. */
  fine(claim: Claim): void
  /** Whether it may be tried now. */
  isDue(claim: Claim): boolean
  /** Why it is not read: its next batch cannot be decoded, or it has failed for 15 s. Undefined otherwise. */
  problemOf(claim: Claim): string | undefined
}

/** A partition whose leader moves fails for a while. */
const unreadableMs = 15_000

interface Failing {
  readonly trouble: Complaint
  readonly sinceMs: number
  /** When it was tried last. */
  lastMs: number
  /** When it is tried again. */
  untilMs: number
  fault: unknown
}

/** None fails yet. What fails for long is told to `warn` once. */
export const failingPartitions = (warn: (problem: string) => void): FailingPartitions => {
  const failing = new WeakMap<Claim, Failing>()

  const noted = (claim: Claim, fault: unknown): Failing => {
    const atMs = performance.now()
    const trouble = complaint(warn, `fetching from ${partitionName(claim)}`)
    const known = failing.get(claim) ?? { trouble, sinceMs: atMs, lastMs: atMs, untilMs: 0, fault }
    failing.set(claim, known)
    return Object.assign(known, { lastMs: atMs, fault })
  }

  return {
    notRead: noted,
    failed: (claim, fault) => {
      const known = noted(claim, fault)
      known.untilMs = known.lastMs + reconnectDelayMs(known.trouble.failed(fault))
    },
    fine: (claim) => void failing.delete(claim),
    isDue: (claim) => (failing.get(claim)?.untilMs ?? 0) <= performance.now(),
    problemOf: (claim) => {
      const found = failing.get(claim)
      if (claim.state === 'over' || found === undefined) return undefined
      const { fault, sinceMs, lastMs } = found
      if (fault instanceof UndecodableError) return fault.message
      return lastMs - sinceMs < unreadableMs ? undefined : `${partitionName(claim)}: ${faultText(fault)}`
    },
  }
}
