import { inject } from '@armature/telemetry/tracing'
import type { AlertBook } from '../alerts/alert-book.ts'
import type { Sample } from '../collect/sample.ts'
import { createMatcher } from './matcher.ts'
import { createNeverSeen } from './never-seen.ts'
import { createRoom } from './room.ts'
import type { Rule } from './rules.ts'
import { createSeriesTable, type Series } from './series.ts'
import { createTotals } from './totals.ts'
import { createWatches, noTrace } from './watches.ts'

/** Why a good sample was not evaluated. */
export type Unjudged = 'bin-limit' | 'member-limit' | 'series-limit' | 'too-late' | 'type-conflict'

export interface MonitorOptions {
  readonly rules: readonly Rule[]
  readonly book: Pick<AlertBook, 'judge' | 'has'>
  /** Series at once, each counted once for every rule that judges it. */
  readonly maxSeries: number
  /** Different members of sets remembered at once, over all series. */
  readonly maxSetMembers: number
  /** Bins of quantiles at once, over all series: some 200 for each that is judged by a quantile. */
  readonly maxQuantileBins: number
  /** A series with no sample for so long is forgotten, unless it has an alert or its absence is watched. */
  readonly seriesIdleMs: number
  readonly steadyMs: () => number
  readonly wallMs: () => number
}

/** Rules at work on samples. */
export interface Monitor {
  /** Evaluates a sample. A sample that no rule judges is evaluated too: there was nothing to do. */
  observe(sample: Sample): 'evaluated' | Unjudged
  /** Judges what only time changes: to be called at a steady pace. */
  tick(): void
  /**
   * Goes on by these rules. A rule that is as before keeps all it knows. One that has changed begins anew, and its alerts go on where it
   * still finds them. The alerts of one that is gone are resolved.
   */
  replaceRules(rules: readonly Rule[]): void
  /** In use of `maxSeries`. */
  readonly seriesCount: number
  /** In use of `maxSetMembers`. */
  readonly setMemberCount: number
}

/** A monitor that has seen nothing; `absence` rules count from now. */
export const createMonitor = (options: MonitorOptions): Monitor => {
  const { book, maxSeries, seriesIdleMs, steadyMs, wallMs } = options
  const rooms = { members: createRoom(options.maxSetMembers), bins: createRoom(options.maxQuantileBins) }
  const watches = createWatches({ book, rooms, steadyMs })
  const neverSeen = createNeverSeen({ book, watches, rooms, steadyMs })
  const series = createSeriesTable(watches, maxSeries)
  let rules: readonly Rule[] = []
  let matcher = createMatcher(rules)

  const replaceRules = (given: readonly Rule[]) => {
    const before = new Map(rules.map((rule) => [JSON.stringify(rule), rule]))
    rules = given.map((rule) => before.get(JSON.stringify(rule)) ?? rule)
    matcher = createMatcher(rules)
    series.replaceRules(matcher)
    neverSeen.replaceRules(rules)
  }

  const isOver = ({ seenMs, feeds }: Series, nowMs: number): boolean =>
    nowMs - seenMs > seriesIdleMs &&
    !feeds.some(({ watch: { rule, subject } }) => rule.type === 'absence' || book.has(subject.fingerprint))

  replaceRules(options.rules)

  return {
    observe: (sample) => {
      const matched = matcher(sample)
      if (matched.length === 0) return 'evaluated'
      const nowMs = steadyMs()
      const held = series.of(sample, matched, nowMs)
      if (held === undefined) return 'series-limit'
      if (held.type !== sample.type) return 'type-conflict'
      const isFed = held.feeds.length === matched.length || series.feed(held, matched)
      const ageMs = sample.timeMs === undefined ? 0 : Math.max(0, wallMs() - sample.timeMs)
      if (ageMs > held.longestWindowMs) return 'too-late'
      held.seenMs = Math.max(held.seenMs, nowMs - ageMs)
      const [trace, value] = [inject(noTrace), valueOf(sample, held)]
      let isFull = false
      for (const { watch, part } of held.feeds) {
        if (trace !== noTrace) watch.trace = trace
        const verdict = watch.judge.add(sample, value, nowMs - ageMs, part)
        if (verdict === 'full') isFull = true
        else if (verdict !== undefined) book.judge(watch.subject, verdict, watch.trace)
      }
      neverSeen.note(held.feeds)
      if (!isFed) return 'series-limit'
      if (!isFull) return 'evaluated'
      return sample.member === undefined ? 'bin-limit' : 'member-limit'
    },
    tick: () => {
      const nowMs = steadyMs()
      watches.tick(nowMs)
      series.forget((held) => isOver(held, nowMs))
      neverSeen.tick(nowMs)
    },
    replaceRules,
    get seriesCount() {
      return series.feedCount
    },
    get setMemberCount() {
      return rooms.members.used
    },
  }
}

/** The value that rules judge: of a gauge its level, of a total its rise. */
const valueOf = (sample: Sample, held: Series): number => {
  const { type, value, relative, cumulative = false } = sample
  if (cumulative) {
    held.totals ??= createTotals()
    return held.totals.rise(sample)
  }
  if (type !== 'gauge') return value
  held.level = relative ? (held.level ?? 0) + value : value
  return held.level
}
