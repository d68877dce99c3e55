import { subjectOf, type AlertBook, type Subject, type Trace } from '../alerts/alert-book.ts'
import type { Sample } from '../collect/sample.ts'
import type { Judge, Part } from './judge.ts'
import { createJudge } from './judges.ts'
import type { Match } from './matcher.ts'
import type { Rule } from './rules.ts'
import type { Rooms } from './window.ts'

/** A rule at work, with how many series feed it. A ratio has several, any other rule one. */
export interface Watch {
  readonly rule: Rule
  readonly subject: Subject
  readonly judge: Judge
  /** Of the last sample that had one. */
  trace: Trace
  feeds: number
}

/** A series in its part of a rule. */
export interface Feed {
  readonly watch: Watch
  readonly part: Part
}

export const noTrace: Trace = {}

/** All rules at work, and the alerts of those that no longer are. */
export interface Watches {
  /** Lets a series feed a rule. */
  open(match: Match, series: Pick<Sample, 'name' | 'type' | 'tags'>): Feed
  /** The series feeds it no more. */
  close(feed: Feed): void
  /** Lets the alert be resolved, unless a rule at work decides about it. */
  end(subject: Subject): void
  /** A rule decides about the alert again. */
  resume(subject: Subject): void
  /** Judges what only time changes. */
  tick(nowMs: number): void
}

export interface WatchesOptions {
  readonly book: Pick<AlertBook, 'judge' | 'has'>
  readonly rooms: Rooms
  readonly steadyMs: () => number
}

/** None at work yet. */
export const createWatches = ({ book, rooms, steadyMs }: WatchesOptions): Watches => {
  const watches = new Map<string, Watch>()
  /** Alerts of rules that are gone, until the book has resolved them. */
  const ending = new Map<string, Subject>()

  const openWatch = (rule: Rule, subject: Subject, type: Sample['type']): Watch => {
    const judge = createJudge(rule, type, steadyMs(), rooms)
    return { rule, subject, judge, trace: noTrace, feeds: 0 }
  }

  return {
    open: ({ rule, part }, { name, type, tags }) => {
      const subject =
        rule.type === 'ratio' ? subjectOf(rule, rule.metric, tagsOn(rule.on, tags)) : subjectOf(rule, name, tags)
      const held = watches.get(subject.fingerprint)
      const watch = held?.rule === rule ? held : openWatch(rule, subject, type)
      watch.feeds += 1
      watches.set(subject.fingerprint, watch)
      ending.delete(subject.fingerprint)
      return { watch, part }
    },
    close: ({ watch }) => {
      watch.feeds -= 1
      if (watch.feeds > 0) return
      watch.judge.close()
      const { fingerprint } = watch.subject
      if (watches.get(fingerprint) === watch) watches.delete(fingerprint)
    },
    end: (subject) => {
      const { fingerprint } = subject
      if (!watches.has(fingerprint) && book.has(fingerprint)) ending.set(fingerprint, subject)
    },
    resume: ({ fingerprint }) => void ending.delete(fingerprint),
    tick: (nowMs) => {
      for (const { subject, judge, trace } of watches.values()) book.judge(subject, judge.verdict(nowMs), trace)
      for (const [fingerprint, subject] of ending) {
        book.judge(subject, undefined)
        if (!book.has(fingerprint)) ending.delete(fingerprint)
      }
    },
  }
}

/** The tags by which the series of a ratio are joined. */
const tagsOn = (on: readonly string[] | undefined, tags: Sample['tags']): Sample['tags'] =>
  on === undefined ? tags : Object.fromEntries(Object.entries(tags).filter(([name]) => on.includes(name)))
