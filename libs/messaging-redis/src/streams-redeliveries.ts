import type { Cancel, Clock } from '@armature/async/clock'
import { latch } from '@armature/async/latch'
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
  const fewer = latch()

  return {
    get size() {
      return timers.size
    },
    schedule: (entry, redeliver) => {
      const cancel = clock.after(delayMs, () => {
        timers.delete(entry)
        redeliver()
        fewer.open()
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
      fewer.open()
      return entries
    },
    fewer: fewer.wait,
  }
}
