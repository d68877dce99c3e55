import { nextPlace, placeOf, type Claim } from './claim.ts'
import type { ClaimSet } from './claim-set.ts'
import type { TopicOffset } from './offsets.ts'

export interface GroupCommitsParts {
  readonly claims: ClaimSet
  /** Rejects when the places are not kept. */
  readonly commit: (places: readonly TopicOffset[]) => Promise<void>
}

/** Keeps the places of a group as messages are acknowledged. */
export interface GroupCommits {
  /** Commits within `commitDelayMs`. What is not kept then is kept by a later commit. */
  soon(): void
  /** Commits what is not kept yet. Rejects when it is not kept. */
  now(): Promise<void>
  /** Nothing is committed soon. */
  cancel(): void
}

const commitDelayMs = 250

/** Nothing is due yet. */
export const groupCommits = ({ claims, commit }: GroupCommitsParts): GroupCommits => {
  let timer: NodeJS.Timeout | undefined
  const isDue = (claim: Claim) => claim.state !== 'over' && placeOf(claim) > claim.committed

  const now = async () => {
    const due = claims.all().filter(isDue)
    if (due.length === 0) return
    const places = due.map(nextPlace)
    await commit(places)
    due.forEach((claim, index) => (claim.committed = places[index]?.offset ?? claim.committed))
  }

  return {
    soon: () => {
      timer ??= setTimeout(() => {
        timer = undefined
        now().catch(() => undefined)
      }, commitDelayMs)
    },
    now,
    cancel: () => {
      clearTimeout(timer)
      timer = undefined
    },
  }
}
