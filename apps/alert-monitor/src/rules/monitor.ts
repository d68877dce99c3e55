import { inject } from '@armature/telemetry/tracing'
import { subjectOf, type AlertBook, type Subject, type Trace } from '../alerts/alert-book.ts'
import type { Sample } from '../collect/sample.ts'
import type { Judge, Part } from './judge.ts'
import { createJudge } from './judges.ts'
import { matches, tagsMatch } from './pattern.ts'
import { createRoom } from './room.ts'
import type { AbsenceRule, Rule } from './rules.ts'
import { detached } from './window.ts'

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

/** A rule at work, with how many series feed it. A ratio has several, any other rule one. */
interface Watch {
  readonly rule: Rule
  readonly subject: Subject
  readonly judge: Judge
  /** Of the last sample that had one. */
  trace: Trace
  feeds: number
}

interface Feed {
  readonly watch: Watch
  readonly part: Part
}

interface Series extends Pick<Sample, 'name' | 'type' | 'tags'> {
  feeds: readonly Feed[]
  longestWindowMs: number
  /** The value of a gauge, or the total of a cumulative sample; undefined before the first. */
  level: number | undefined
  seenMs: number
}

/** A rule that looks at a series, and as which part. */
interface Match {
  readonly rule: Rule
  readonly part: Part
}

/** The rules that may look at a series, by its name alone. */
interface NameMatches {
  readonly all: readonly Match[]
  /** Some of them look at the tags. */
  readonly asksTags: boolean
}

/** Names whose rules are remembered, to match patterns once a name. */
const maxKnownNames = 10_000
/** A sample may be so old, also where all windows are shorter. */
const leastAgeMs = 60_000

const noTrace: Trace = {}

/** A monitor that has seen nothing; `absence` rules count from now. */
export const createMonitor = (options: MonitorOptions): Monitor => {
  const { book, maxSeries, seriesIdleMs, steadyMs, wallMs } = options
  const rooms = { members: createRoom(options.maxSetMembers), bins: createRoom(options.maxQuantileBins) }
  const series = new Map<string, Series>()
  const watches = new Map<string, Watch>()
  const matchesByName = new Map<string, NameMatches>()
  /** Alerts of rules that are gone, until the book has resolved them. */
  const ending = new Map<string, Subject>()
  let rules: readonly Rule[] = []
  let unseen: readonly Unseen[] = []
  let seriesCount = 0

  const matchesFor = ({ name, tags }: Pick<Sample, 'name' | 'tags'>): readonly Match[] => {
    let known = matchesByName.get(name)
    if (known === undefined) {
      const all = rules.flatMap((rule) => partsFor(rule, name).map((part) => ({ rule, part })))
      known = { all, asksTags: all.some((match) => Object.keys(whereOf(match)).length > 0) }
      if (matchesByName.size >= maxKnownNames) matchesByName.clear()
      matchesByName.set(detached(name), known)
    }
    return known.asksTags ? known.all.filter((match) => tagsMatch(whereOf(match), tags)) : known.all
  }

  const openWatch = (rule: Rule, subject: Subject, type: Sample['type']): Watch => {
    const judge = createJudge(rule, type, steadyMs(), rooms)
    return { rule, subject, judge, trace: noTrace, feeds: 0 }
  }

  const openFeed = ({ rule, part }: Match, { name, type, tags }: Pick<Sample, 'name' | 'type' | 'tags'>): Feed => {
    const subject =
      rule.type === 'ratio' ? subjectOf(rule, rule.metric, tagsOn(rule.on, tags)) : subjectOf(rule, name, tags)
    const held = watches.get(subject.fingerprint)
    const watch = held?.rule === rule ? held : openWatch(rule, subject, type)
    watch.feeds += 1
    watches.set(subject.fingerprint, watch)
    ending.delete(subject.fingerprint)
    return { watch, part }
  }

  const closeFeed = ({ watch }: Feed) => {
    watch.feeds -= 1
    if (watch.feeds > 0) return
    watch.judge.close()
    const { fingerprint } = watch.subject
    if (watches.get(fingerprint) === watch) watches.delete(fingerprint)
  }

  const openSeries = (key: string, sample: Sample, matched: readonly Match[], nowMs: number): Series | undefined => {
    if (seriesCount + matched.length > maxSeries) return undefined
    const { name, type, tags } = sample
    const feeds = matched.map((match) => openFeed(match, sample))
    const opened: Series = {
      name,
      type,
      tags,
      feeds,
      longestWindowMs: longestOf(feeds),
      level: undefined,
      seenMs: nowMs,
    }
    series.set(key, opened)
    seriesCount += matched.length
    return opened
  }

  const closeSeries = (key: string, { feeds }: Series) => {
    for (const feed of feeds) closeFeed(feed)
    series.delete(key)
    seriesCount -= feeds.length
  }

  /** Lets the series feed the rules of now: what it fed before goes on where its rule does. */
  const feedAnew = (key: string, held: Series) => {
    const before = held.feeds
    const matched = matchesFor(held)
    seriesCount -= before.length
    const hasRoom = seriesCount + matched.length <= maxSeries
    held.feeds = (hasRoom ? matched : []).map(
      (match) =>
        before.find(({ watch, part }) => watch.rule === match.rule && part === match.part) ?? openFeed(match, held),
    )
    held.longestWindowMs = longestOf(held.feeds)
    seriesCount += held.feeds.length
    for (const feed of before) if (!held.feeds.includes(feed)) retire(feed)
    if (held.feeds.length === 0) closeSeries(key, held)
  }

  const retire = (feed: Feed) => {
    closeFeed(feed)
    end(feed.watch.subject)
  }

  /** From now on the series is missed, no longer the pattern. A series without tags that is named by it has the same alert. */
  const noteSeen = ({ feeds }: Series) => {
    for (const each of unseen) {
      if (each.seen || !feeds.some(({ watch }) => watch.rule === each.rule)) continue
      each.seen = true
      end(each.subject)
    }
  }

  /** Lets the alert be resolved, unless a rule at work decides about it. */
  const end = (subject: Subject) => {
    const { fingerprint } = subject
    if (!watches.has(fingerprint) && book.has(fingerprint)) ending.set(fingerprint, subject)
  }

  const replaceRules = (given: readonly Rule[]) => {
    const before = new Map(rules.map((rule) => [JSON.stringify(rule), rule]))
    rules = given.map((rule) => before.get(JSON.stringify(rule)) ?? rule)
    matchesByName.clear()
    for (const [key, held] of series) feedAnew(key, held)
    const nowMs = steadyMs()
    for (const { rule, subject, seen } of unseen) if (!seen && !rules.includes(rule)) end(subject)
    unseen = rules
      .filter((rule): rule is AbsenceRule => rule.type === 'absence' && rule.since === 'start')
      .map((rule) => unseen.find((each) => each.rule === rule) ?? neverSeen(rule, nowMs))
    for (const { subject, seen } of unseen) if (!seen) ending.delete(subject.fingerprint)
  }

  const neverSeen = (rule: AbsenceRule, startMs: number): Unseen => ({
    rule,
    subject: subjectOf(rule, rule.metric, {}),
    judge: createJudge(rule, 'gauge', startMs, rooms),
    seen: false,
  })

  replaceRules(options.rules)

  return {
    observe: (sample) => {
      const matched = matchesFor(sample)
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
      const value = valueOf(sample, held)
      let isFull = false
      for (const { watch, part } of held.feeds) {
        if (trace !== noTrace) watch.trace = trace
        const verdict = watch.judge.add(sample, value, nowMs - ageMs, part)
        if (verdict === 'full') isFull = true
        else if (verdict !== undefined) book.judge(watch.subject, verdict, watch.trace)
      }
      if (unseen.length > 0) noteSeen(held)
      if (isFull) return sample.member === undefined ? 'bin-limit' : 'member-limit'
      return 'evaluated'
    },
    tick: () => {
      const nowMs = steadyMs()
      for (const { subject, judge, trace } of watches.values()) book.judge(subject, judge.verdict(nowMs), trace)
      for (const [key, held] of series) {
        const isIdle =
          nowMs - held.seenMs > seriesIdleMs && !held.feeds.some(({ watch }) => watch.rule.type === 'absence')
        if (isIdle && !held.feeds.some(({ watch }) => book.has(watch.subject.fingerprint))) closeSeries(key, held)
      }
      for (const { subject, judge, seen } of unseen) if (!seen) book.judge(subject, judge.verdict(nowMs))
      for (const [fingerprint, subject] of ending) {
        book.judge(subject, undefined)
        if (!book.has(fingerprint)) ending.delete(fingerprint)
      }
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

/** An absence rule that counts from the start, until a first sample comes. Its alert has the pattern for a metric. */
interface Unseen {
  readonly rule: AbsenceRule
  readonly subject: Subject
  readonly judge: Judge
  seen: boolean
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

const partsFor = (rule: Rule, name: string): readonly Part[] => [
  ...(matches(rule.metric, name) ? (['value'] as const) : []),
  ...(rule.type === 'ratio' && rule.denominator === name ? (['denominator'] as const) : []),
]

const whereOf = ({ rule, part }: Match): Rule['where'] =>
  rule.type === 'ratio' && part === 'denominator' ? rule.denominatorWhere : rule.where

/** The tags by which the series of a ratio are joined. */
const tagsOn = (on: readonly string[] | undefined, tags: Sample['tags']): Sample['tags'] =>
  on === undefined ? tags : Object.fromEntries(Object.entries(tags).filter(([name]) => on.includes(name)))

/** Tags are sorted, names hold no white space. */
const seriesKey = ({ name, tags }: Sample): string => `${name} ${JSON.stringify(tags)}`
