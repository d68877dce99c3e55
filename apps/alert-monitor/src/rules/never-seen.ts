import { subjectOf, type AlertBook, type Subject } from '../alerts/alert-book.ts'
import type { Judge } from './judge.ts'
import { createJudge } from './judges.ts'
import type { AbsenceRule, Rule } from './rules.ts'
import type { Feed, Watches } from './watches.ts'
import type { Rooms } from './window.ts'

/** The absence rules that count from the start, each until its first sample. */
export interface NeverSeen {
  /** Those of these rules. A rule that was there before goes on. */
  replaceRules(rules: readonly Rule[]): void
  /** From now on the series that feeds them is missed, no longer the pattern. */
  note(feeds: readonly Feed[]): void
  tick(nowMs: number): void
}

export interface NeverSeenOptions {
  readonly book: Pick<AlertBook, 'judge'>
  readonly watches: Pick<Watches, 'end' | 'resume'>
  readonly rooms: Rooms
  readonly steadyMs: () => number
}

interface Waiting {
  readonly rule: AbsenceRule
  /** Its alert has the pattern for a metric. A series without tags that is named by it has the same alert. */
  readonly subject: Subject
  readonly judge: Judge
  seen: boolean
}

/** No rule yet. */
export const createNeverSeen = ({ book, watches, rooms, steadyMs }: NeverSeenOptions): NeverSeen => {
  let all: readonly Waiting[] = []
  return {
    replaceRules: (rules) => {
      const before = all
      all = rules
        .filter((rule): rule is AbsenceRule => rule.type === 'absence' && rule.since === 'start')
        .map(
          (rule) =>
            before.find((each) => each.rule === rule) ?? {
              rule,
              subject: subjectOf(rule, rule.metric, {}),
              judge: createJudge(rule, 'gauge', steadyMs(), rooms),
              seen: false,
            },
        )
      for (const each of before) if (!each.seen && !all.includes(each)) watches.end(each.subject)
      for (const { subject, seen } of all) if (!seen) watches.resume(subject)
    },
    note: (feeds) => {
      for (const each of all) {
        if (each.seen || !feeds.some(({ watch }) => watch.rule === each.rule)) continue
        each.seen = true
        watches.end(each.subject)
      }
    },
    tick: (nowMs) => {
      for (const { subject, judge, seen } of all) if (!seen) book.judge(subject, judge.verdict(nowMs))
    },
  }
}
