import { inject } from '@armature/telemetry/tracing'
import { subjectOf, type AlertBook, type Subject, type Trace } from '../alerts/alert-book.ts'
import { createJudge, type Judge } from './judges.ts'
import { createRoom } from './room.ts'
import { metricMatches, type AbsenceRule, type Rule } from './rules.ts'
import type { Sample } from '../collect/sample.ts'
import { detached, type Rooms } from './window.ts'

/** Why a good sample was not evaluated. */
export type Unjudged = 'bin-limit' | 'member-limit' | 'series-limit' | 'too-late' | 'type-conflict'

export interface MonitorOptions {
  readonly rules: readonly Rule[]
  readonly book: Pick<AlertBook, 'judge' | 'has'>
  /** Series at once, each counted once for every rule that judges it. */
  readonly maxSeries: number
  /** Different members of sets remembered at once, over all series. */
  readonly maxSetMembers: number
  /** Bins of quantiles at once, over all series: some 200 for each that is judged by p50 or p99. */
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
  /** In use of `maxSeries`. */
  readonly seriesCount: number
  /** In use of `maxSetMembers`. */
  readonly setMemberCount: number
}

interface Series {
  readonly type: Sample['type']
  readonly judges: readonly { readonly judge: Judge; readonly subject: Subject }[]
  readonly longestWindowMs: number
  readonly watched: boolean
  /** The value of a gauge, or the total of a cumulative sample; undefined before the first. */
  level: number | undefined
  /** Of the last sample that had one. */
  trace: Trace
  seenMs: number
}

/** Names whose rules are remembered, to match patterns once a name. */
const maxKnownNames = 10_000

const noTrace: Trace = {}

/** A monitor that has seen nothing; `absence` rules count from now. */
export const createMonitor = (options: MonitorOptions): Monitor => {
  const { rules, book, maxSeries, seriesIdleMs, steadyMs, wallMs } = options
  const series = new Map<string, Series>()
  const rulesByName = new Map<string, readonly Rule[]>()
  const rooms = { members: createRoom(options.maxSetMembers), bins: createRoom(options.maxQuantileBins) }
  let seriesCount = 0

  const rulesFor = (name: string): readonly Rule[] => {
    const known = rulesByName.get(name)
    if (known !== undefined) return known
    const matched = rules.filter(({ metric }) => metricMatches(metric, name))
    if (rulesByName.size >= maxKnownNames) rulesByName.clear()
    rulesByName.set(detached(name), matched)
    return matched
  }

  const openSeries = (key: string, sample: Sample, matched: readonly Rule[], nowMs: number): Series | undefined => {
    if (seriesCount + matched.length > maxSeries) return undefined
    const opened: Series = {
      type: sample.type,
      judges: matched.map((rule) => ({
        judge: createJudge(rule, sample.type, nowMs, rooms),
        subject: subjectOf(rule, sample.name, sample.tags),
      })),
      longestWindowMs: Math.max(60_000, ...matched.map((rule) => ('windowMs' in rule ? rule.windowMs : 0))),
      watched: matched.some(({ type }) => type === 'absence'),
      level: undefined,
      trace: noTrace,
      seenMs: nowMs,
    }
    series.set(key, opened)
    seriesCount += matched.length
    return opened
  }

  const unseen = neverSeen(rules, steadyMs(), rooms)

  return {
    observe: (sample) => {
      const matched = rulesFor(sample.name)
      if (matched.length === 0) return 'evaluated'
      const nowMs = steadyMs()
      const key = seriesKey(sample)
      const held = series.get(key) ?? openSeries(key, sample, matched, nowMs)
      if (held === undefined) return 'series-limit'
      if (held.type !== sample.type) return 'type-conflict'
      const ageMs = sample.timeMs === undefined ? 0 : Math.max(0, wallMs() - sample.timeMs)
      if (ageMs > held.longestWindowMs) return 'too-late'
      held.seenMs = Math.max(held.seenMs, nowMs - ageMs)
      const trace = inject(noTrace)
      if (trace !== noTrace) held.trace = trace
      const value = valueOf(sample, held)
      let isFull = false
      for (const { judge, subject } of held.judges) {
        const verdict = judge.add(sample, value, nowMs - ageMs)
        if (verdict === 'full') isFull = true
        else if (verdict !== undefined) book.judge(subject, verdict, held.trace)
      }
      for (const each of unseen) if (matched.includes(each.rule)) each.seen = true
      if (isFull) return sample.member === undefined ? 'bin-limit' : 'member-limit'
      return 'evaluated'
    },
    tick: () => {
      const nowMs = steadyMs()
      for (const [key, { judges, trace, seenMs, watched }] of series) {
        for (const { judge, subject } of judges) book.judge(subject, judge.verdict(nowMs), trace)
        const idle = nowMs - seenMs > seriesIdleMs && !watched
        if (!idle || judges.some(({ subject }) => book.has(subject.fingerprint))) continue
        for (const { judge } of judges) judge.close()
        series.delete(key)
        seriesCount -= judges.length
      }
      for (const { subject, judge, seen } of unseen) book.judge(subject, seen ? undefined : judge.verdict(nowMs))
    },
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

/** The absence rules that count from the start, until a first sample comes; their alert has the pattern for a metric. */
const neverSeen = (rules: readonly Rule[], startMs: number, rooms: Rooms) =>
  rules
    .filter((rule): rule is AbsenceRule => rule.type === 'absence' && rule.since === 'start')
    .map((rule) => ({
      rule,
      subject: subjectOf(rule, rule.metric, {}),
      judge: createJudge(rule, 'gauge', startMs, rooms),
      seen: false,
    }))

/** Tags are sorted, names hold no white space. */
const seriesKey = ({ name, tags }: Sample): string => `${name} ${JSON.stringify(tags)}`
