import { createHash } from 'node:crypto'
import type { Notice } from '../events.ts'
import { expressionOf } from '../rules/expression.ts'
import type { Verdict } from '../rules/judge.ts'
import type { Rule } from '../rules/rules.ts'
import { summaryOf } from '../rules/summary.ts'

/** A rule and a series it judges. */
export interface Subject {
  readonly rule: Rule
  readonly metric: string
  readonly labels: Readonly<Record<string, string>>
  readonly fingerprint: string
}

export interface AlertBookOptions {
  /** While an alert fires its notice is repeated this often, and no more often. */
  readonly repeatMs: number
  /** Alerts pending or firing at once. */
  readonly maxAlerts: number
  readonly steadyMs: () => number
  /** Milliseconds since the epoch, for the notices. */
  readonly wallMs: () => number
  /**
   * Takes a notice for publishing; false = no room now. It is then offered again with the next verdict. `trace` is that of the sample by which
   * the condition began to hold.
   */
  readonly offer: (notice: Notice, trace: Trace) => boolean
  /** An alert could not be raised, for `maxAlerts`. */
  readonly onOverflow: (subject: Subject) => void
}

/** Headers that name a trace: `traceparent`, `tracestate`. Empty without one. */
export type Trace = Readonly<Record<string, string>>

/** The states of all alerts: none -> pending (for `forMs`) -> firing -> none, with a notice on each of the last two steps. */
export interface AlertBook {
  /**
   * Takes what a rule says of a series now; undefined = nothing. To be called at each evaluation, for repeats too. `trace` is that of the
   * last sample of the series. An alert has the one that it began with.
   */
  judge(subject: Subject, verdict: Verdict | undefined, trace?: Trace): void
  /** Whether an alert of the subject is pending or firing. */
  has(fingerprint: string): boolean
  /** The firing alerts, the oldest first. */
  firing(): readonly Notice[]
  /** The alerts whose condition holds, and not for `forMs` yet. */
  pending(): readonly Notice[]
  /** Alerts with a notice that found no room yet. */
  owed(): number
}

interface Entry {
  state: 'pending' | 'firing'
  /** It held for `forMs`: the notice is owed, whatever becomes of the condition meanwhile. */
  due: boolean
  /** The last notice found no room. */
  owed: boolean
  readonly sinceMs: number
  readonly startsAtMs: number
  readonly trace: Trace
  heldAtMs: number
  noticedAtMs: number
  verdict: Verdict
  readonly subject: Subject
}

/** An empty book. */
export const createAlertBook = (options: AlertBookOptions): AlertBook => {
  const { repeatMs, maxAlerts, steadyMs, wallMs, offer, onOverflow } = options
  const entries = new Map<string, Entry>()

  const tell = (entry: Entry, endsAtMs?: number): boolean => {
    entry.owed = !offer(noticeOf(entry, endsAtMs), entry.trace)
    return !entry.owed
  }

  const raise = (entry: Entry, nowMs: number) => {
    if (!tell(entry)) return
    entry.state = 'firing'
    entry.noticedAtMs = nowMs
  }

  const open = (subject: Subject, verdict: Verdict, trace: Trace, nowMs: number): Entry | undefined => {
    if (entries.size >= maxAlerts) return void onOverflow(subject)
    const entry: Entry = {
      state: 'pending',
      due: false,
      owed: false,
      sinceMs: nowMs,
      startsAtMs: wallMs(),
      trace,
      heldAtMs: nowMs,
      noticedAtMs: 0,
      verdict,
      subject,
    }
    entries.set(subject.fingerprint, entry)
    return entry
  }

  return {
    judge: (subject, verdict, trace = {}) => {
      const nowMs = steadyMs()
      const held = entries.get(subject.fingerprint)
      const active = verdict?.active === true
      const entry = held ?? (active ? open(subject, verdict, trace, nowMs) : undefined)
      if (entry === undefined) return
      if (active) {
        entry.verdict = verdict
        entry.heldAtMs = nowMs
      }
      if (entry.state === 'pending') {
        entry.due ||= active && nowMs - entry.sinceMs >= pendingMs(subject.rule)
        if (entry.due) raise(entry, nowMs)
        else if (!active) entries.delete(subject.fingerprint)
        return
      }
      const over = !active && nowMs - entry.heldAtMs >= subject.rule.keepFiringForMs
      if (over) {
        if (tell(entry, wallMs())) entries.delete(subject.fingerprint)
      } else if (nowMs - entry.noticedAtMs >= repeatMs) raise(entry, nowMs)
      // It fires again before its end found room: for its readers it never ended.
      else entry.owed = false
    },
    has: (fingerprint) => entries.has(fingerprint),
    firing: () =>
      [...entries.values()]
        .filter(({ state }) => state === 'firing')
        .sort((a, b) => a.startsAtMs - b.startsAtMs)
        .map((entry) => noticeOf(entry, undefined)),
    pending: () =>
      [...entries.values()].filter(({ state }) => state === 'pending').map((entry) => noticeOf(entry, undefined)),
    owed: () => [...entries.values()].filter(({ owed }) => owed).length,
  }
}

/** An absence rule has waited already. */
const pendingMs = (rule: Rule): number => (rule.type !== 'absence' && 'forMs' in rule ? rule.forMs : 0)

/** Binds a rule to a series. Series that differ have fingerprints that differ, whatever the labels of the rule cover. */
export const subjectOf = (rule: Rule, metric: string, tags: Readonly<Record<string, string>>): Subject => {
  const identity = [rule.name, metric, sorted(tags), sorted(rule.labels)]
  const hash = createHash('sha256').update(JSON.stringify(identity))
  return { rule, metric, labels: labelsOf(rule, metric, tags), fingerprint: hash.digest('hex').slice(0, 16) }
}

/** A tag whose name the rule or the metric takes is shown as `exported_<name>`, as Prometheus does. */
const labelsOf = (rule: Rule, metric: string, tags: Readonly<Record<string, string>>): Subject['labels'] => {
  const own: Readonly<Record<string, string>> = { metric, ...rule.labels }
  const shown = new Map(Object.entries(tags).filter(([name]) => !Object.hasOwn(own, name)))
  for (const [name, value] of Object.entries(tags)) {
    if (!Object.hasOwn(own, name)) continue
    let free = `exported_${name}`
    while (Object.hasOwn(own, free) || shown.has(free)) free = `exported_${free}`
    shown.set(free, value)
  }
  return Object.fromEntries(sorted({ ...Object.fromEntries(shown), ...own }))
}

const sorted = (labels: Readonly<Record<string, string>>): readonly (readonly [string, string])[] =>
  Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))

const noticeOf = ({ subject, verdict, startsAtMs }: Entry, endsAtMs: number | undefined): Notice => ({
  status: endsAtMs === undefined ? 'firing' : 'resolved',
  name: subject.rule.name,
  rule: expressionOf(subject.rule),
  severity: subject.rule.severity,
  labels: subject.labels,
  fingerprint: subject.fingerprint,
  value: verdict.value,
  threshold: verdict.threshold,
  startsAt: new Date(startsAtMs).toISOString(),
  endsAt: endsAtMs === undefined ? null : new Date(endsAtMs).toISOString(),
  summary: summaryOf({ ...subject, ...verdict }),
})
