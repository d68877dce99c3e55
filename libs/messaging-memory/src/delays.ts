import type { Clock } from '@armature/async/clock'

/** Calls back after a delay. Callbacks that begin in the same millisecond and wait equally long share one timer. */
export interface Delays {
  add(delayMs: number, callback: () => void): void
}

interface Bucket {
  readonly openedAtMs: number
  readonly callbacks: (() => void)[]
}

/** Delays on a clock. */
export const delays = (clock: Clock): Delays => {
  const open = new Map<number, Bucket>()

  return {
    add: (delayMs, callback) => {
      const nowMs = clock.now()
      const current = open.get(delayMs)
      if (current?.openedAtMs === nowMs) {
        current.callbacks.push(callback)
        return
      }
      const bucket: Bucket = { openedAtMs: nowMs, callbacks: [callback] }
      open.set(delayMs, bucket)
      clock.after(delayMs, () => {
        if (open.get(delayMs) === bucket) open.delete(delayMs)
        for (const each of bucket.callbacks) each()
      })
    },
  }
}
