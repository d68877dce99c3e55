/** How often alerts changed between firing and resolved of late. */
export interface FlapScores {
  /** An alert began or ended. */
  changed(fingerprint: string, nowMs: number): void
  /** From 0 (it has not come back) to below 1. */
  score(fingerprint: string, nowMs: number): number
}

/** A change counts half after so long. */
const halfLifeMs = 600_000
/** So many changes, all just now, make a score of one half. */
const changesForHalf = 6
/** An alert that begins and ends once does not flap. */
const ordinaryChanges = 2

/**
 * Scores from a count of changes that decays by half every ten minutes, less the two of an alert that came and went:
 * `count / (count + 6)`. The counts of `maxAlerts` alerts are kept, of those that changed last.
 */
export const createFlapScores = (maxAlerts: number): FlapScores => {
  const counts = new Map<string, { count: number; atMs: number }>()
  const countAt = (fingerprint: string, nowMs: number): number => {
    const held = counts.get(fingerprint)
    return held === undefined ? 0 : held.count * 0.5 ** (Math.max(0, nowMs - held.atMs) / halfLifeMs)
  }
  return {
    changed: (fingerprint, nowMs) => {
      const count = countAt(fingerprint, nowMs) + 1
      counts.delete(fingerprint)
      counts.set(fingerprint, { count, atMs: nowMs })
      const [oldest] = counts.size > maxAlerts ? counts.keys() : []
      if (oldest !== undefined) counts.delete(oldest)
    },
    score: (fingerprint, nowMs) => {
      const count = Math.max(0, countAt(fingerprint, nowMs) - ordinaryChanges)
      return Math.round((count / (count + changesForHalf)) * 1_000) / 1_000
    },
  }
}
