import type { Collections } from '../store/collections.ts'
import { type Claim, claimRecord, holds } from './claim.ts'

export interface ClaimsOptions {
  readonly collections: Pick<Collections, 'collection'>
  readonly maxClaims: number
  readonly nowMs: () => number
}

/** There is no room for another claim; the text says what to do. */
export class ClaimError extends Error {
  override readonly name = 'ClaimError'
}

/** Who works on which alert. */
export interface Claims {
  /** Those that have not expired. */
  all(): readonly Claim[]
  of(fingerprint: string): Claim | undefined
  /** Replaces an earlier claim of the alert. Rejects with ClaimError. */
  set(claim: Claim): Promise<void>
  /** Resolves to whether there was one. */
  release(fingerprint: string): Promise<boolean>
  /** Removes those that expired. */
  prune(): void
}

/** Reads and keeps claims in a collection. */
export const createClaims = ({ collections, maxClaims, nowMs }: ClaimsOptions): Claims => {
  const records = collections.collection({
    prefix: 'claims',
    schema: claimRecord,
    merge: (own, stored) => (own.claimedAtMs >= stored.claimedAtMs ? own : stored),
  })
  const current = (claim: Claim | undefined) => (claim !== undefined && holds(claim, nowMs()) ? claim : undefined)
  const prune = () => {
    for (const claim of records.values())
      if (!holds(claim, nowMs()))
        void records.update(claim.fingerprint, (held) =>
          held !== undefined && holds(held, nowMs()) ? held : undefined,
        )
  }
  return {
    all: () => [...records.values()].filter((claim) => holds(claim, nowMs())),
    of: (fingerprint) => current(records.get(fingerprint)),
    set: async (claim) => {
      prune()
      if (records.get(claim.fingerprint) === undefined && records.size >= maxClaims)
        throw new ClaimError(`there are ${maxClaims} claims, the most there can be: release one first`)
      await records.update(claim.fingerprint, () => claim)
    },
    release: async (fingerprint) => {
      const hadOne = current(records.get(fingerprint)) !== undefined
      await records.update(fingerprint, () => undefined)
      return hadOne
    },
    prune,
  }
}
