import { createHash } from 'node:crypto'
import type { Notice } from '../events.ts'
import type { Trace } from './alert-book.ts'

/** Names with their values. */
export type Labels = Readonly<Record<string, string>>

/** One alert, as Alertmanager knows it: it fires until it ends. */
export interface Alert {
  /** The same for the same labels, or for the same rule and series. */
  readonly fingerprint: string
  /** Among them `alertname` and `severity`. */
  readonly labels: Labels
  readonly annotations: Labels
  /** Milliseconds since the epoch, as all times here. */
  readonly startsAtMs: number
  /** The alert is resolved from then on, unless whoever raised it says meanwhile that it still fires. */
  readonly endsAtMs: number
  readonly updatedAtMs: number
  /** Where the alert comes from; empty = unknown. */
  readonly generatorUrl: string
  /** What its topic is told. */
  readonly notice: Notice
  /** Of the sample by which it began, for the headers of what is told. */
  readonly trace: Trace
}

/** Whether the alert is over. */
export const isResolved = (alert: Pick<Alert, 'endsAtMs'>, nowMs: number): boolean => alert.endsAtMs <= nowMs

/** The alert of a notice of a rule. While it fires it ends at `endsAtMs` by itself. */
export const alertOfNotice = (notice: Notice, trace: Trace, nowMs: number, endsAtMs: number): Alert => ({
  fingerprint: notice.fingerprint,
  labels: { ...notice.labels, alertname: notice.name, severity: notice.severity },
  annotations: { summary: notice.summary },
  startsAtMs: Date.parse(notice.startsAt),
  endsAtMs: notice.endsAt === null ? endsAtMs : Date.parse(notice.endsAt),
  updatedAtMs: nowMs,
  generatorUrl: '',
  notice,
  trace,
})

/** What somebody else posted of an alert. */
export interface PostedAlert {
  readonly labels: Labels
  readonly annotations: Labels
  readonly startsAtMs: number
  readonly endsAtMs: number
  readonly generatorUrl: string
}

/**
 * A posted alert. Its topic is told the value 1 while it fires and 0 when it is resolved, as the series ALERTS of Prometheus has it: who posts
 * an alert tells no value.
 */
export const alertOfPost = (posted: PostedAlert, nowMs: number): Alert => {
  const { labels, annotations, startsAtMs, endsAtMs, generatorUrl } = posted
  const fingerprint = fingerprintOf(labels)
  const resolved = endsAtMs <= nowMs
  const { severity = '' } = labels
  return {
    ...{ fingerprint, labels, annotations, startsAtMs, endsAtMs, updatedAtMs: nowMs, generatorUrl },
    notice: {
      status: resolved ? 'resolved' : 'firing',
      name: topicToken(labels['alertname'] ?? 'unnamed'),
      rule: generatorUrl === '' ? 'posted' : generatorUrl,
      severity: isSeverity(severity) ? severity : 'warning',
      labels,
      fingerprint,
      value: resolved ? 0 : 1,
      threshold: 1,
      startsAt: new Date(startsAtMs).toISOString(),
      endsAt: resolved ? new Date(endsAtMs).toISOString() : null,
      summary: annotations['summary'] ?? annotations['description'] ?? labels['alertname'] ?? '',
    },
    trace: {},
  }
}

/** The alert at its end. Its notice says so. */
export const resolvedAlert = (alert: Alert, endsAtMs: number, nowMs: number): Alert => ({
  ...alert,
  endsAtMs,
  updatedAtMs: nowMs,
  notice: { ...alert.notice, status: 'resolved', endsAt: new Date(endsAtMs).toISOString() },
})

const severities: readonly string[] = ['info', 'warning', 'critical'] satisfies readonly Notice['severity'][]

const isSeverity = (text: string): text is Notice['severity'] => severities.includes(text)

const maxTokenLength = 100

/** A name as one token of a topic. */
const topicToken = (name: string): string =>
  name.replaceAll(/[^A-Za-z0-9_-]+/g, '_').slice(0, maxTokenLength) || 'unnamed'

/** The fingerprint of labels, in whatever order they come. */
export const fingerprintOf = (labels: Labels): string => {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return createHash('sha256').update(JSON.stringify(pairs)).digest('hex').slice(0, 16)
}
