import type { Sample } from '../collect/sample.ts'

/** Follows the totals of one series, such as the counters of a service since its start. */
export interface Totals {
  /** What the total rose by since the last one of its sender. */
  rise(sample: Pick<Sample, 'value' | 'startMs' | 'timeMs'>): number
}

/** Senders of one series at once; the one that has been silent longest is forgotten. */
export const maxSenders = 8

interface Last {
  readonly total: number
  readonly timeMs: number
}

/**
 * Totals that have seen nothing: the first one is where counting begins. Senders of one series are told apart by their start. One that
 * started after all that was seen counts from 0, unless its start is its own time: then it does not know it. A total that falls has begun
 * anew, unless its start is as before or its time is earlier: then it is a point that came late, and counts nothing.
 */
export const createTotals = (): Totals => {
  const lastOf = new Map<number | undefined, Last>()
  let latestMs = -Infinity

  const keep = (startMs: number | undefined, last: Last) => {
    lastOf.delete(startMs)
    lastOf.set(startMs, last)
    latestMs = Math.max(latestMs, last.timeMs)
    for (const oldest of lastOf.keys()) if (lastOf.size > maxSenders) lastOf.delete(oldest)
  }

  return {
    rise: ({ value, startMs, timeMs = -Infinity }) => {
      const last = lastOf.get(startMs)
      if (last === undefined) {
        const isNew = lastOf.size > 0 && startMs !== undefined && startMs >= latestMs && startMs < timeMs
        keep(startMs, { total: value, timeMs })
        return isNew ? value : 0
      }
      const isFall = value < last.total
      if (isFall && (startMs !== undefined || timeMs < last.timeMs)) return 0
      keep(startMs, { total: value, timeMs })
      return isFall ? value : value - last.total
    },
  }
}
