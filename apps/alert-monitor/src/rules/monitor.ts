import { inject } from '@armature/telemetry/tracing'
import type { AlertBook } from '../alerts/alert-book.ts'
import type { Sample } from '../collect/sample.ts'
import { createMatcher, type Match } from './matcher.ts'
import { createNeverSeen } from './never-seen.ts'
import { createRoom } from './room.ts'
import type { Rule } from './rules.ts'
import { createWatches, noTrace, type Feed } from './watches.ts'

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

interface Series extends Pick<Sample, 'name' | 'type' | 'tags'> {
  feeds: readonly Feed[]
  longestWindowMs: number
  /** The value of a gauge, or the total of a cumulative sample; undefined before the first. */
  level: number | undefined
  seenMs: number
}

/** A sample may be so old, also where all windows are shorter. */
const leastAgeMs = 60_000

/** A monitor that has seen nothing; `absence` rules count from now. */
export const createMonitor = (options: MonitorOptions): Monitor => {
  const { book, maxSeries, seriesIdleMs, steadyMs, wallMs } = options
  const rooms = { members: createRoom(options.maxSetMembers), bins: createRoom(options.maxQuantileBins) }
  const watches = createWatches({ book, rooms, steadyMs })
  const neverSeen = createNeverSeen({ book, watches, rooms, steadyMs })
  const series = new Map<string, Series>()
  let rules: readonly Rule[] = []
  let matcher = createMatcher(rules)
  let seriesCount = 0

  const openSeries = (key: string, sample: Sample, matched: readonly Match[], nowMs: number): Series | undefined => {
    if (seriesCount + matched.length > maxSeries) return undefined
    const { name, type, tags } = sample
    const feeds = matched.map((match) => watches.open(match, sample))
    const longestWindowMs = longestOf(feeds)
    const opened: Series = { name, type, tags, feeds, longestWindowMs, level: undefined, seenMs: nowMs }
    series.set(key, opened)
    seriesCount += feeds.length
    return opened
  }

  const closeSeries = (key: string, { feeds }: Series) => {
    for (const feed of feeds) watches.close(feed)
    series.delete(key)
    seriesCount -= feeds.length
  }

  /** Lets the series feed the rules of now: what it fed before goes on where its rule does. */
  const feedAnew = (key: string, held: Series) => {
    const before = held.feeds
    const matched = matcher(held)
    seriesCount -= before.length
    const hasRoom = seriesCount + matched.length <= maxSeries
    held.feeds = (hasRoom ? matched : []).map(
      (match) =>
        before.find(({ watch, part }) => watch.rule === match.rule && part === match.part) ?? watches.open(match, held),
    )
    held.longestWindowMs = longestOf(held.feeds)
    seriesCount += held.feeds.length
    for (const feed of before) {
      if (held.feeds.includes(feed)) continue
      watches.close(feed)
      watches.end(feed.watch.subject)
    }
    if (held.feeds.length === 0) closeSeries(key, held)
  }

  const replaceRules = (given: readonly Rule[]) => {
    const before = new Map(rules.map((rule) => [JSON.stringify(rule), rule]))
    rules = given.map((rule) => before.get(JSON.stringify(rule)) ?? rule)
    matcher = createMatcher(rules)
    for (const [key, held] of series) feedAnew(key, held)
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
      const key = seriesKey(sample)
      const held = series.get(key) ?? openSeries(key, sample, matched, nowMs)
      if (held === undefined) return 'series-limit'
      if (held.type !== sample.type) return 'type-conflict'
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
      if (!isFull) return 'evaluated'
      return sample.member === undefined ? 'bin-limit' : 'member-limit'
    },
    tick: () => {
      const nowMs = steadyMs()
      watches.tick(nowMs)
      for (const [key, held] of series) if (isOver(held, nowMs)) closeSeries(key, held)
      neverSeen.tick(nowMs)
    },
    replaceRules,
    get seriesCount() {
      return seriesCount
    },
    get setMemberCount() {
      return rooms.members.used
    },
  }
}

/** The value that rules judge: of a gauge its level, of a total its rise. A total that falls has begun anew. */
const valueOf = ({ type, value, relative, cumulative = false }: Sample, held: Series): number => {
  if (type !== 'gauge' && !cumulative) return value
  const before = held.level
  held.level = relative ? (before ?? 0) + value : value
  if (!cumulative) return held.level
  if (before === undefined) return 0
  return value >= before ? value - before : value
}

const longestOf = (feeds: readonly Feed[]): number =>
  feeds.reduce(
    (longest, { watch: { rule } }) => ('windowMs' in rule ? Math.max(longest, rule.windowMs) : longest),
    leastAgeMs,
  )

/** Tags are sorted, names hold no white space. */
const seriesKey = ({ name, tags }: Sample): string => `${name} ${JSON.stringify(tags)}`
