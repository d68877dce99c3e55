import type { Sample, SampleType } from '../collect/sample.ts'

/** Points that a backtest holds at once. */
export const maxPoints = 10_000_000

/** Values of the past. */
export interface History {
  /** In order of time; those of one time in the order in which they were given. */
  samples(): Iterable<{ readonly atMs: number; readonly sample: Sample }>
  readonly size: number
  /** Undefined without a point. */
  readonly firstMs: number | undefined
  readonly lastMs: number | undefined
  /** The usual time from one point of a series to the next: the median over all. Undefined with fewer than two points of one series. */
  readonly stepMs: number | undefined
}

/** A history that grows. */
export interface HistoryBuilder {
  /** Throws where there is no more room. */
  add(series: HistorySeries, timeMs: number, value: number): void
  build(): History
}

export interface HistorySeries {
  readonly name: string
  readonly tags: Sample['tags']
  readonly type: SampleType
}

/** Points, in as many lists as they have columns: an object for each would take ten times the memory. */
export const createHistory = (limit = maxPoints): HistoryBuilder => {
  const times: number[] = []
  const values: number[] = []
  const owners: HistorySeries[] = []
  return {
    add: (series, timeMs, value) => {
      if (times.length >= limit)
        throw new RangeError(`more than ${limit} points: choose a shorter time by --from and --to`)
      times.push(timeMs)
      values.push(value)
      owners.push(series)
    },
    build: () => {
      const order = Uint32Array.from(times.keys())
      if (times.some((timeMs, place) => place > 0 && timeMs < (times[place - 1] ?? 0)))
        order.sort((one, other) => (times[one] ?? 0) - (times[other] ?? 0) || one - other)
      return {
        *samples() {
          for (const place of order) {
            const series = owners[place]
            if (series === undefined) continue
            yield { atMs: times[place] ?? 0, sample: sampleOf(series, values[place] ?? 0) }
          }
        },
        size: times.length,
        firstMs: order.length === 0 ? undefined : times[order[0] ?? 0],
        lastMs: order.length === 0 ? undefined : times[order.at(-1) ?? 0],
        stepMs: stepOf(order, times, owners),
      }
    },
  }
}

const sampleOf = ({ name, tags, type }: HistorySeries, value: number): Sample => ({
  name,
  tags,
  type,
  value,
  weight: 1,
  relative: false,
})

/** Steps that are looked at: enough for their median. */
const maxSteps = 10_000

const stepOf = (order: Uint32Array, times: readonly number[], owners: readonly HistorySeries[]): number | undefined => {
  const last = new Map<HistorySeries, number>()
  const steps: number[] = []
  for (const place of order) {
    const owner = owners[place]
    const timeMs = times[place] ?? 0
    if (owner === undefined) continue
    const before = last.get(owner)
    if (before !== undefined && timeMs > before) steps.push(timeMs - before)
    last.set(owner, timeMs)
    if (steps.length >= maxSteps) break
  }
  return steps.sort((one, other) => one - other)[steps.length >>> 1]
}
