import { elementAt } from '@armature/async/element-at'
import type { Random } from '@armature/async/random'

/** A member that delivers when the scheduler calls it. */
export interface Runner {
  /** Kept by the scheduler: whether it waits to be called. */
  queued: boolean
  /** Delivers up to `limit` messages and answers how many. */
  deliver(limit: number): number
  /** Whether another `deliver` would deliver something. */
  readonly runnable: boolean
}

/**
 * Calls the members that have something to deliver: asynchronously, in an order drawn from the seed. One turn of the event loop has a bounded
 * number of deliveries, so that sockets and timers are served in between.
 */
export interface Scheduler {
  wake(runner: Runner): void
  /** Calls `callback` in the next turn of the event loop, after its deliveries. */
  next(callback: () => void): void
}

const deliveriesPerTurn = 256
/** The longest run of one member while others wait. */
const longestRun = 32

/** A scheduler with nothing to do. */
export const scheduler = (random: Random): Scheduler => {
  const queue: Runner[] = []
  let callbacks: (() => void)[] = []
  let armed = false

  const arm = () => {
    if (armed) return
    armed = true
    setImmediate(runTurn)
  }

  const runTurn = () => {
    armed = false
    let left = deliveriesPerTurn
    while (left > 0 && queue.length > 0) {
      const index = queue.length === 1 ? 0 : random.below(queue.length)
      const runner = elementAt(queue, index)
      left -= runner.deliver(Math.min(left, 1 + random.below(longestRun)))
      if (runner.runnable) continue
      runner.queued = false
      const last = queue.pop()
      if (last !== undefined && last !== runner) queue[queue.indexOf(runner)] = last
    }
    const due = callbacks
    callbacks = []
    for (const callback of due) callback()
    if (queue.length > 0 || callbacks.length > 0) arm()
  }

  return {
    wake: (runner) => {
      if (runner.queued) return
      runner.queued = true
      queue.push(runner)
      arm()
    },
    next: (callback) => {
      callbacks.push(callback)
      arm()
    },
  }
}
