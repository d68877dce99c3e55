/** Work taken at once before others get their turn. */
const sliceLength = 500

export interface IntakeOptions<T> {
  /** Items waiting at once. */
  readonly maxQueued: number
  readonly take: (item: T) => void
}

/** A bounded queue between what cannot wait (a socket) and what takes time; worked off in slices, between which I/O runs. */
export interface Intake<T> {
  /** False = no room: the caller counts it. */
  offer(item: T): boolean
  /** Items waiting now. */
  readonly size: number
  /** Resolves when none waits. */
  idle(): Promise<void>
}

/** An empty queue; `take` must not throw. */
export const createIntake = <T>({ maxQueued, take }: IntakeOptions<T>): Intake<T> => {
  let queue: T[] = []
  let taken = 0
  let scheduled = false
  let waiting: (() => void)[] = []

  const work = () => {
    scheduled = false
    const end = Math.min(queue.length, taken + sliceLength)
    while (taken < end) {
      const item = queue[taken] as T
      taken += 1
      take(item)
    }
    if (taken < queue.length) {
      if (taken >= maxQueued) [queue, taken] = [queue.slice(taken), 0]
      return schedule()
    }
    queue = []
    taken = 0
    for (const resolve of waiting) resolve()
    waiting = []
  }

  const schedule = () => {
    if (scheduled) return
    scheduled = true
    setImmediate(work)
  }

  return {
    offer: (item) => {
      if (queue.length - taken >= maxQueued) return false
      queue.push(item)
      schedule()
      return true
    },
    get size() {
      return queue.length - taken
    },
    idle: () => (queue.length === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  }
}
