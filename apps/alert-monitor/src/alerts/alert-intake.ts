import type { Notice } from '../events.ts'
import type { Collection } from '../store/kept-collection.ts'
import { type Alert, alertOfNotice, alertOfPost, type PostedAlert } from './alert.ts'
import type { Trace } from './alert-book.ts'
import type { Pending } from './pending.ts'
import type { Retention } from './retention.ts'
import { merged, type StoredAlert } from './stored-alert.ts'

export interface AlertIntakeOptions {
  readonly stored: Collection<StoredAlert>
  readonly retention: Retention
  readonly pending: Pending
  readonly nowMs: () => number
  readonly maxAlerts: number
  /** An alert of a rule ends after so long, unless it is refreshed. */
  readonly resolveTimeoutMs: number
  /** Called once an alert is kept: whoever comes after this process knows what is to be told. */
  readonly onKept: (fingerprint: string) => void
}

/** There is no room for more alerts. */
export class TooManyAlertsError extends Error {
  override readonly name = 'TooManyAlertsError'

  constructor(maxAlerts: number, taken: number) {
    super(`there are ${maxAlerts} alerts, the most there can be: ${taken} of these were taken`)
  }
}

/** The store is away: alerts are told from memory, and a process that ends now may lose them. */
export class NotKeptError extends Error {
  override readonly name = 'NotKeptError'

  constructor() {
    super('the store of alerts is away, so these alerts are in memory only: post them again')
  }
}

/** The way of alerts into the store. */
export interface AlertIntake {
  /** Resolves when the alert is kept. */
  take(alert: Alert): Promise<void>
  /** Takes what a rule says; false = no room now. */
  offer(notice: Notice, trace: Trace): boolean
  /** Says again that the alert of a rule fires, before it would end by itself. */
  refresh(notice: Notice): void
  /**
   * Takes alerts of others. Resolves when they are kept. Rejects with TooManyAlertsError, and has taken as many as there was room for, and with
   * NotKeptError, and has taken all.
   */
  post(alerts: readonly PostedAlert[]): Promise<void>
}

/** Takes alerts as long as there is room. */
export const createAlertIntake = (options: AlertIntakeOptions): AlertIntake => {
  const { stored, retention, pending, nowMs, maxAlerts, resolveTimeoutMs, onKept } = options

  const take = async (alert: Alert): Promise<void> => {
    const { fingerprint } = alert
    await pending.track(stored.update(fingerprint, (held) => withAlert(held, alert)))
    retention.arrived(fingerprint)
    onKept(fingerprint)
  }

  const offer = (notice: Notice, trace: Trace): boolean => {
    if (!retention.makeRoom(notice.fingerprint)) return false
    void take(alertOfNotice(notice, trace, nowMs(), nowMs() + resolveTimeoutMs))
    return true
  }

  return {
    take,
    offer,
    refresh: (notice) => {
      const held = stored.get(notice.fingerprint)?.alert
      const leftMs = (held?.endsAtMs ?? 0) - nowMs()
      if (held?.notice.status !== 'firing' || leftMs <= resolveTimeoutMs / 2) offer(notice, {})
    },
    post: async (posted) => {
      const alerts = posted.map((each) => alertOfPost(each, nowMs()))
      // Of the end of what is not known there is nothing to tell.
      const wanted = alerts.filter(({ fingerprint, notice }) => stored.get(fingerprint) ?? notice.status === 'firing')
      const taken = wanted.filter(({ fingerprint }) => retention.makeRoom(fingerprint))
      await Promise.all(taken.map(take))
      if (taken.length < wanted.length) throw new TooManyAlertsError(maxAlerts, taken.length)
      if (!taken.every(({ fingerprint }) => stored.isSaved(fingerprint))) throw new NotKeptError()
    },
  }
}

const withAlert = (held: StoredAlert | undefined, next: Alert): StoredAlert => {
  if (held === undefined) return { alert: next }
  const alert = merged(held.alert, next)
  return alert === held.alert ? held : { ...held, alert }
}
