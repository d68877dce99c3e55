import type { Collections } from '../store/collections.ts'
import type { Collection } from '../store/kept-collection.ts'
import type { Alert } from './alert.ts'
import { type StoredAlert, storedAlert } from './stored-alert.ts'

export interface AlertRecordsOptions {
  readonly collections: Pick<Collections, 'collection'>
  readonly nowMs: () => number
  /** Called with an alert after each change of its record. */
  readonly onUpdate: (alert: Alert) => void
  /** Called when an alert began or ended. */
  readonly onTurn: (alert: Alert) => void
  /** Called when an alert began or ended, and when its labels changed. */
  readonly onRoutes: (alert: Alert) => void
  readonly onGone: (fingerprint: string) => void
}

/** The alerts that are kept. */
export interface AlertRecords {
  readonly stored: Collection<StoredAlert>
  /** Whether another instance is about to tell the topic of the alert. */
  isOfAnother(fingerprint: string): boolean
  /** This instance tells the topic of the alert. */
  own(fingerprint: string): void
}

/** Another instance that took an alert tells its topic within this time, else this one does. */
const takeOverMs = 5_000

/** Reads and keeps alerts in a collection. */
export const createAlertRecords = (options: AlertRecordsOptions): AlertRecords => {
  const { collections, nowMs, onUpdate, onTurn, onRoutes, onGone } = options
  const states = new Map<string, { readonly turn: string; readonly labels: string }>()
  const takeOvers = new Map<string, number>()
  const stored = collections.collection<StoredAlert>({
    prefix: 'alerts',
    schema: storedAlert,
    merge: (own, other) => (own.alert.updatedAtMs >= other.alert.updatedAtMs ? own : other),
    onChange: (id, held, isOwn) => {
      if (held === undefined) {
        states.delete(id)
        takeOvers.delete(id)
        return onGone(id)
      }
      const { alert } = held
      onUpdate(alert)
      const before = states.get(id)
      const state = { turn: `${alert.startsAtMs} ${alert.notice.status}`, labels: JSON.stringify(alert.labels) }
      if (before?.turn === state.turn && before.labels === state.labels) return
      states.set(id, state)
      onRoutes(alert)
      if (before?.turn === state.turn) return
      if (!isOwn) takeOvers.set(id, nowMs() + takeOverMs)
      onTurn(alert)
    },
  })
  return {
    stored,
    isOfAnother: (fingerprint) => {
      const untilMs = takeOvers.get(fingerprint)
      if (untilMs === undefined) return false
      if (untilMs > nowMs()) return true
      takeOvers.delete(fingerprint)
      return false
    },
    own: (fingerprint) => void takeOvers.delete(fingerprint),
  }
}
