import type { Rendered } from './graphite-render.ts'
import type { Parsed, Sample, SampleType } from './sample.ts'

/** Finds what is new in one answer of Graphite after the other. `fromMs` is where the answer begins, exclusive. */
export type GraphitePoints = (rendered: Rendered, fromMs: number) => Parsed

/** Series that the last answer left out, of which a time is remembered. */
const maxMissingSeries = 100_000

/**
 * Each answer covers more than the time since the one before, so that points which come late are seen; a point counts once, and in order of time. What
 * it remembers is one time for each series of the last answer, and for those that it left out while an answer may cover their points again.
 */
export const createGraphitePoints = (type: SampleType): GraphitePoints => {
  let taken = new Map<string, number>()
  return ({ series, refused }, fromMs) => {
    const next = new Map<string, number>()
    const samples: Sample[] = []
    for (const { name, tags, points } of series) {
      const key = `${name} ${JSON.stringify(tags)}`
      const beforeMs = next.get(key) ?? taken.get(key) ?? -Infinity
      for (const { timeMs, value } of points)
        if (timeMs > beforeMs) samples.push({ name, type, value, weight: 1, relative: false, tags, timeMs })
      next.set(key, Math.max(beforeMs, points.at(-1)?.timeMs ?? -Infinity))
    }
    let missing = 0
    for (const [key, timeMs] of taken) {
      if (timeMs <= fromMs || next.has(key)) continue
      missing += 1
      if (missing > maxMissingSeries) break
      next.set(key, timeMs)
    }
    taken = next
    return { samples, refused }
  }
}
