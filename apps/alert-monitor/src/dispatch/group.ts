import { createHash } from 'node:crypto'
import type { Cancel, Clock } from '@armature/async/clock'
import { type Alert, isResolved, type Labels, resolvedAlert } from '../alerts/alert.ts'
import type { Collection } from '../store/kept-collection.ts'
import { type GroupState, knownAfter, type LogRecord, needOf } from './notification-log.ts'
import type { Integration } from './notification.ts'
import type { Route } from './route.ts'

export interface GroupOptions {
  readonly key: string
  readonly labels: Labels
  readonly route: Route
  readonly integrations: readonly Integration[]
  readonly log: Collection<LogRecord>
  /** Names this process among those that share the log. */
  readonly owner: string
  readonly clock: Clock
  readonly alertOf: (fingerprint: string) => Alert | undefined
  /** Whether a firing alert is kept quiet: silenced or inhibited. */
  readonly isQuiet: (alert: Alert) => boolean
  readonly isClaimed: (fingerprint: string) => boolean
  /** Whether the labels of an alert still lead to this group. They change with the rules. */
  readonly isHere: (alert: Alert) => boolean
  /** The time intervals that keep the whole branch quiet now. */
  readonly mutedBy: () => readonly string[]
  readonly onTold: (integration: string) => void
  readonly onFailed: (integration: string, error: unknown) => void
  /** The group holds no alert any more. */
  readonly onEmpty: () => void
  /** An alert left the group. */
  readonly onLeft: (fingerprint: string) => void
}

/** Alerts that are told together. */
export interface Group {
  readonly key: string
  readonly labels: Labels
  readonly route: Route
  readonly fingerprints: ReadonlySet<string>
  /** Takes an alert that is new or has changed. */
  insert(alert: Alert): void
  close(): void
}

/** How long one notification may take, retries included. */
export const notifyLimitMs = 30_000
/** Another instance takes over so long after this one began. */
const leaseMs = 45_000
const lateLogMs = 1_000

/** A group that is first told after `groupWaitMs`, or at once where its first alert is older than that. */
export const createGroup = (options: GroupOptions): Group => {
  const { key, labels, route, integrations, clock, alertOf, isQuiet, isClaimed, isHere, mutedBy } = options
  const fingerprints = new Set<string>()
  const ending = new AbortController()
  let cancelTimer: Cancel | undefined
  let isTelling = false

  const flushAfter = (delayMs: number) => {
    cancelTimer?.()
    cancelTimer = clock.after(delayMs, () => void flush())
  }

  const stateNow = (): GroupState & { readonly alerts: ReadonlyMap<string, Alert> } => {
    const nowMs = clock.now()
    const alerts = new Map<string, Alert>()
    const [firing, quiet, resolved]: [string[], string[], string[]] = [[], [], []]
    for (const fingerprint of fingerprints) {
      const held = alertOf(fingerprint)
      if (held === undefined) {
        leave(fingerprint)
        continue
      }
      // For the receivers of this group an alert that is told elsewhere from now on is over.
      const alert = isResolved(held, nowMs) || isHere(held) ? held : resolvedAlert(held, nowMs, nowMs)
      alerts.set(fingerprint, alert)
      const kind = isResolved(alert, nowMs) ? resolved : isQuiet(alert) ? quiet : firing
      kind.push(fingerprint)
    }
    return { firing, quiet, resolved, alerts, isClaimed: firing.every(isClaimed) }
  }

  const leave = (fingerprint: string) => {
    fingerprints.delete(fingerprint)
    options.onLeft(fingerprint)
  }

  const flush = async () => {
    isTelling = true
    let retryMs: number = route.groupIntervalMs
    const state = stateNow()
    if (mutedBy().length === 0) {
      const told = await Promise.all(integrations.map((each) => tell(options, each, state, ending.signal)))
      if (ending.signal.aborted) return
      retryMs = Math.min(retryMs, ...told.flatMap(({ retryAfterMs }) => retryAfterMs ?? []))
      if (told.every(({ isDone }) => isDone)) leaveResolved(state)
    }
    isTelling = false
    if (fingerprints.size > 0) return flushAfter(retryMs)
    cancelTimer = undefined
    options.onEmpty()
  }

  /** Those that have not fired again meanwhile. */
  const leaveResolved = ({ resolved, alerts }: ReturnType<typeof stateNow>) => {
    for (const fingerprint of resolved) {
      const now = alertOf(fingerprint)
      if (now === undefined || !isHere(now) || now.endsAtMs === alerts.get(fingerprint)?.endsAtMs) leave(fingerprint)
    }
  }

  return {
    key,
    labels,
    route,
    fingerprints,
    insert: ({ fingerprint, startsAtMs }) => {
      fingerprints.add(fingerprint)
      if (cancelTimer !== undefined || isTelling) return
      flushAfter(Math.max(0, Math.min(route.groupWaitMs, startsAtMs + route.groupWaitMs - clock.now())))
    },
    close: () => {
      cancelTimer?.()
      ending.abort(new Error('the alert-monitor ends'))
    },
  }
}

interface Told {
  /** The receiver knows all of the state. */
  readonly isDone: boolean
  /** Ask again so soon, where not at the group's own pace. */
  readonly retryAfterMs?: number
}

/**
 * Tells one integration what it does not know, under a lease of the log, so that of several instances one tells it. A log that cannot be
 * reached stops nobody.
 */
const tell = async (
  options: GroupOptions,
  integration: Integration,
  state: GroupState & { readonly alerts: ReadonlyMap<string, Alert> },
  ending: AbortSignal,
): Promise<Told> => {
  const { key, labels, route, log, owner, clock, onTold, onFailed } = options
  const { repeatIntervalMs } = route
  const id = logId(key, integration.id)
  const need = (record: LogRecord | undefined) =>
    needOf(record, state, { nowMs: clock.now(), repeatIntervalMs, sendResolved: integration.sendResolved })

  if (need(log.get(id)) === 'nothing') return { isDone: true }
  let isNeeded = false
  const leased = await log.update(id, (record) => {
    const isOther = record?.lease !== undefined && record.lease.owner !== owner && record.lease.untilMs > clock.now()
    isNeeded = !isOther && need(record) !== 'nothing'
    if (!isNeeded) return record
    const lease = { owner, untilMs: clock.now() + leaseMs }
    return { firing: record?.firing ?? [], toldAtMs: record?.toldAtMs ?? 0, lease }
  })
  if (!isNeeded) {
    const untilMs = leased?.lease?.untilMs
    // Another instance tells it; should that one end meanwhile, this one does.
    if (untilMs !== undefined) return { isDone: false, retryAfterMs: Math.max(lateLogMs, untilMs - clock.now()) }
    return { isDone: true }
  }
  const isTold =
    need(leased) === 'note' ||
    (await sent(integration, notificationOf(options, labels, state), clock, ending, onFailed))
  if (isTold && need(leased) !== 'note') onTold(integration.id)
  await log.update(id, (record) => {
    if (!isTold) return record === undefined ? undefined : { ...record, lease: undefined }
    const firing = knownAfter(record, state)
    return firing.length === 0 ? undefined : { firing: [...firing], toldAtMs: clock.now() }
  })
  return { isDone: isTold }
}

const notificationOf = (
  { key, route, clock }: GroupOptions,
  groupLabels: Labels,
  { firing, resolved, alerts }: GroupState & { readonly alerts: ReadonlyMap<string, Alert> },
) => ({
  status: firing.length > 0 ? ('firing' as const) : ('resolved' as const),
  receiver: route.receiver,
  groupKey: key,
  groupLabels,
  alerts: [...firing, ...resolved].flatMap((fingerprint) => alerts.get(fingerprint) ?? []),
  atMs: clock.now(),
})

const sent = async (
  integration: Integration,
  notification: ReturnType<typeof notificationOf>,
  clock: Clock,
  ending: AbortSignal,
  onFailed: GroupOptions['onFailed'],
): Promise<boolean> => {
  const late = new AbortController()
  const cancel = clock.after(notifyLimitMs, () => late.abort(new Error(`it took longer than ${notifyLimitMs} ms`)))
  const signal = AbortSignal.any([late.signal, ending])
  try {
    await Promise.race([integration.notify(notification, signal), aborted(signal)])
    return true
  } catch (error) {
    if (!ending.aborted) onFailed(integration.id, error)
    return false
  } finally {
    cancel()
    // Whoever listened is done: a signal with listeners would stay until the process ends.
    late.abort()
  }
}

/** Rejects when the signal is aborted: also what does not listen to it ends. */
const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const abort = () => reject(signal.reason as Error)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })

/** The key of the log for a group and a way to tell it: keys of a bucket are short and have few characters. */
export const logId = (groupKey: string, integration: string): string =>
  createHash('sha256')
    .update(JSON.stringify([groupKey, integration]))
    .digest('hex')
    .slice(0, 32)
