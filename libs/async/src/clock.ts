import { elementAt } from './element-at.ts'

/** Time as the code sees it, so that a test or a simulation can drive it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls `callback` once after `delayMs`; the answer cancels it. A pending timer does not keep the process alive. */
  after(delayMs: number, callback: () => void): Cancel
}

export type Cancel = () => void

/** A clock that stands still until it is told to advance. */
export interface DrivenClock extends Clock {
  /**
   * Moves the clock by `ms`, running the timers that fall due on the way in order of time, then of creation. Before,
   * between and after them promises and immediates get a few turns of the event loop, so a timer's consequences happen at
   * its time. Resolves when the clock stands at its new time. Calls made at once run one after the other. Rejects with what a
   * callback threw. Not to be awaited inside a timer's callback. Throws RangeError for a negative or non-finite `ms`.
   */
  advance(ms: number): Promise<void>
  /** Timers not yet due or cancelled. */
  readonly pending: number
}

/** Node turns a longer delay into 1 ms. */
const longestTimeoutMs = 2 ** 31 - 1

/** The machine's clock. `now` follows the wall clock and its corrections; `after` does not. */
export const systemClock = (): Clock => ({
  now: () => Date.now(),
  after: (delayMs, callback) => {
    let remainingMs = Math.max(0, delayMs)
    let timer: NodeJS.Timeout
    const arm = () => {
      const stepMs = Math.min(remainingMs, longestTimeoutMs)
      remainingMs -= stepMs
      timer = setTimeout(() => (remainingMs > 0 ? arm() : callback()), stepMs)
      timer.unref()
    }
    arm()
    return () => clearTimeout(timer)
  },
})

/** Turns of the event loop that follow each step: enough for a message to pass a few hops. */
const turnsPerStep = 6

const settle = async () => {
  for (let turn = 0; turn < turnsPerStep; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

interface Timer {
  readonly atMs: number
  readonly callback: () => void
}

/** A clock for tests and simulations, standing at `startMs`. */
export const drivenClock = (startMs = 0): DrivenClock => {
  let nowMs = startMs
  let under: Promise<void> = Promise.resolve()
  /** In order of time, then of creation. */
  const timers: Timer[] = []

  const insert = (timer: Timer) => {
    let low = 0
    let high = timers.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (elementAt(timers, middle).atMs <= timer.atMs) low = middle + 1
      else high = middle
    }
    timers.splice(low, 0, timer)
  }

  const run = async (ms: number) => {
    const targetMs = nowMs + ms
    await settle()
    for (let next = timers[0]; next !== undefined && next.atMs <= targetMs; next = timers[0]) {
      timers.shift()
      nowMs = Math.max(nowMs, next.atMs)
      next.callback()
      await settle()
    }
    nowMs = targetMs
    await settle()
  }

  return {
    now: () => nowMs,
    after: (delayMs, callback) => {
      const timer = { atMs: nowMs + Math.max(0, delayMs), callback }
      insert(timer)
      return () => {
        const index = timers.indexOf(timer)
        if (index >= 0) timers.splice(index, 1)
      }
    },
    advance: (ms) => {
      if (!Number.isFinite(ms) || ms < 0) throw new RangeError(`advance by ${ms} ms: give a finite number, 0 or more`)
      const result = under.then(() => run(ms))
      under = result.catch(() => undefined)
      return result
    },
    get pending() {
      return timers.length
    },
  }
}
