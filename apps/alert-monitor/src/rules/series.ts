import type { Sample } from '../collect/sample.ts'
import type { Match, Matcher } from './matcher.ts'
import type { Totals } from './totals.ts'
import type { Feed, Watches } from './watches.ts'

/** A series and the rules that it feeds. */
export interface Series extends Pick<Sample, 'name' | 'type' | 'tags'> {
  feeds: readonly Feed[]
  longestWindowMs: number
  /** The value of a gauge; undefined before the first. */
  level: number | undefined
  /** Of cumulative samples; undefined before the first. */
  totals: Totals | undefined
  seenMs: number
}

/** The series that feed rules. */
export interface SeriesTable {
  /** The series of a sample, which is new where none is there. Undefined where there is no room for it. */
  of(sample: Sample, matched: readonly Match[], nowMs: number): Series | undefined
  /** Lets a series feed those rules that it does not feed yet. False = there is no room for them. */
  feed(held: Series, matched: readonly Match[]): boolean
  /** Lets all series feed the rules of now. Those that were there before keep their series: new ones take what room is left. */
  replaceRules(matcher: Matcher): void
  /** Forgets the series that are over. */
  forget(isOver: (held: Series) => boolean): void
  /** Each series counted once for every rule that it feeds. */
  readonly feedCount: number
}

/** A sample may be so old, also where all windows are shorter. */
const leastAgeMs = 60_000

/** No series yet; `maxFeeds` bounds `feedCount`. */
export const createSeriesTable = (watches: Watches, maxFeeds: number): SeriesTable => {
  const series = new Map<string, Series>()
  let feedCount = 0

  const feed = (held: Series, matched: readonly Match[]): boolean => {
    const missing = matched.filter((match) => !held.feeds.some((each) => isFeedOf(each, match)))
    if (feedCount + missing.length > maxFeeds) return false
    held.feeds = [...held.feeds, ...missing.map((match) => watches.open(match, held))]
    held.longestWindowMs = longestOf(held.feeds)
    feedCount += missing.length
    return true
  }

  const leaveOld = (held: Series, matched: readonly Match[]) => {
    const before = held.feeds
    held.feeds = before.filter((each) => matched.some((match) => isFeedOf(each, match)))
    held.longestWindowMs = longestOf(held.feeds)
    feedCount -= before.length - held.feeds.length
    for (const each of before) {
      if (held.feeds.includes(each)) continue
      watches.close(each)
      watches.end(each.watch.subject)
    }
  }

  const close = (key: string, { feeds }: Series) => {
    for (const each of feeds) watches.close(each)
    series.delete(key)
    feedCount -= feeds.length
  }

  return {
    of: (sample, matched, nowMs) => {
      const key = seriesKey(sample)
      const held = series.get(key)
      if (held !== undefined) return held
      const { name, type, tags } = sample
      const none = { feeds: [], longestWindowMs: leastAgeMs, level: undefined, totals: undefined }
      const opened: Series = { name, type, tags, ...none, seenMs: nowMs }
      if (!feed(opened, matched)) return undefined
      series.set(key, opened)
      return opened
    },
    feed,
    replaceRules: (matcher) => {
      for (const held of series.values()) leaveOld(held, matcher(held))
      for (const [key, held] of series) {
        feed(held, matcher(held))
        if (held.feeds.length === 0) close(key, held)
      }
    },
    forget: (isOver) => {
      for (const [key, held] of series) if (isOver(held)) close(key, held)
    },
    get feedCount() {
      return feedCount
    },
  }
}

const isFeedOf = ({ watch, part }: Feed, match: Match): boolean => watch.rule === match.rule && part === match.part

const longestOf = (feeds: readonly Feed[]): number =>
  feeds.reduce(
    (longest, { watch: { rule } }) => ('windowMs' in rule ? Math.max(longest, rule.windowMs) : longest),
    leastAgeMs,
  )

/** Tags are sorted, names hold no white space. */
const seriesKey = ({ name, tags }: Sample): string => `${name} ${JSON.stringify(tags)}`
