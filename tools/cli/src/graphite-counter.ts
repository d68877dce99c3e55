import * as z from 'zod'
import { httpJson } from './http-json.ts'

const answerForm = z.array(
  z.object({ target: z.string(), datapoints: z.array(z.tuple([z.number().nullable(), z.number()])) }),
)

/** Where a StatsD server puts a counter: with and without its legacy names, with and without a prefix of the service. */
export const placesOf = (counter: string): readonly string[] => [
  `stats.counters.${counter}.count`,
  `stats.counters.*.${counter}.count`,
  `stats_counts.${counter}`,
  `stats_counts.*.${counter}`,
]

/** A point is dated with the begin of its interval; this is the longest that is waited for. */
const longestIntervalS = 60

/** The series of the counter that counted something at or after `sinceMs`, and how much. Undefined when none did yet. */
export const countedSince = async (
  graphiteUrl: string,
  counter: string,
  sinceMs: number,
  signal: AbortSignal,
): Promise<{ readonly target: string; readonly count: number } | undefined> => {
  const sinceS = Math.floor(sinceMs / 1_000)
  const url = new URL(graphiteUrl)
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/render`
  const query = new URLSearchParams({
    from: String(sinceS - 2 * longestIntervalS),
    until: String(sinceS + 3_600),
    format: 'json',
    noCache: 'true',
  })
  for (const place of placesOf(counter)) query.append('target', place)
  url.search = query.toString()
  for (const { target, datapoints } of answerForm.parse(await httpJson(url, signal))) {
    const count = sumSince(datapoints, sinceS)
    if (count > 0) return { target, count }
  }
  return undefined
}

/** The sum of the points whose interval ends after that time. */
export const sumSince = (points: readonly (readonly [value: number | null, atS: number])[], sinceS: number): number => {
  const [first, second] = points
  const intervalS = Math.min(longestIntervalS, first && second ? second[1] - first[1] : longestIntervalS)
  return points.filter(([, atS]) => atS + intervalS > sinceS).reduce((sum, [value]) => sum + (value ?? 0), 0)
}
