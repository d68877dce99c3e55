import { element } from '@armature/async/element'
import type { Random } from '@armature/async/random'

/** Something that delivers when it is its turn. */
export interface Runner {
  /** Kept by the scheduler: whether it waits for its turn. */
  queued: boolean
  /** Delivers up to `limit` messages and answers how many. */
  deliver(limit: number): number
  /** Whether another `deliver` would deliver something. */
  readonly runnable: boolean
}

/**
 * Gives the members their turns: asynchronously, in an order drawn from the seed, a bounded number of deliveries per turn
 * of the event loop, so that sockets and timers are served between.
 */
export interface Scheduler {
  wake(runner: Runner): void
  /** Calls `callback` in the next turn, after its deliveries. */
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
    setImmediate(turn)
  }

  const turn = () => {
    armed = false
    let left = deliveriesPerTurn
    while (left > 0 && queue.length > 0) {
      const index = queue.length === 1 ? 0 : random.below(queue.length)
      const runner = element(queue, index)
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
