import type { Rendered } from './graphite-render.ts'
import type { Parsed, Sample, SampleType } from './sample.ts'

/** Finds what is new in one answer of Graphite after the other. */
export type GraphitePoints = (rendered: Rendered) => Parsed

/**
 * Each answer covers more than the time since the one before, so that points which come late are seen; a point counts once, and in order of time. What
 * it remembers is one time for each series of the last answer.
 */
export const createGraphitePoints = (type: SampleType): GraphitePoints => {
  let taken = new Map<string, number>()
  return ({ series, refused }) => {
    const next = new Map<string, number>()
    const samples: Sample[] = []
    for (const { name, tags, points } of series) {
      const key = `${name} ${JSON.stringify(tags)}`
      const beforeMs = next.get(key) ?? taken.get(key) ?? -Infinity
      for (const { timeMs, value } of points)
        if (timeMs > beforeMs) samples.push({ name, type, value, weight: 1, relative: false, tags, timeMs })
      next.set(key, Math.max(beforeMs, points.at(-1)?.timeMs ?? -Infinity))
    }
    taken = next
    return { samples, refused }
  }
}
