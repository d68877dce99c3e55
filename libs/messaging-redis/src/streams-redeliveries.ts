import type { Cancel, Clock } from '@armature/async/clock'
import type { PendingEntry } from './streams-entry-index.ts'

/** Rejected entries in wait to be delivered again. */
export interface Redeliveries {
  readonly size: number
  /** Calls `redeliver` after the delay. */
  schedule(entry: PendingEntry, redeliver: () => void): void
  cancel(entry: PendingEntry): void
  /** Answers the entries that were waiting. */
  cancelAll(): readonly PendingEntry[]
  /** Resolves when an entry was delivered again, or all were cancelled. */
  fewer(): Promise<void>
}

/** No entries yet. */
export const redeliveries = (clock: Clock, delayMs: number): Redeliveries => {
  const timers = new Map<PendingEntry, Cancel>()
  let fewer = Promise.withResolvers<void>()

  const announceFewer = () => {
    fewer.resolve()
    fewer = Promise.withResolvers()
  }

  return {
    get size() {
      return timers.size
    },
    schedule: (entry, redeliver) => {
      const cancel = clock.after(delayMs, () => {
        timers.delete(entry)
        redeliver()
        announceFewer()
      })
      timers.set(entry, cancel)
    },
    cancel: (entry) => {
      timers.get(entry)?.()
      timers.delete(entry)
    },
    cancelAll: () => {
      const entries = [...timers.keys()]
      for (const cancel of timers.values()) cancel()
      timers.clear()
      announceFewer()
      return entries
    },
    fewer: () => fewer.promise,
  }
}
