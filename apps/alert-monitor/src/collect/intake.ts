/** Work taken at once before others get their turn. */
const sliceLength = 500

export interface IntakeOptions<T> {
  /** Items waiting at once. */
  readonly maxQueued: number
  /** Bytes of what waits at once. Default: any number. */
  readonly maxQueuedBytes?: number
  readonly take: (item: T) => void
}

/** A bounded queue between what cannot wait (a socket) and what takes time; worked off in slices, between which I/O runs. */
export interface Intake<T> {
  /** False = no room: the caller counts it. `bytes` is about what it holds. */
  offer(item: T, bytes?: number): boolean
  /** Items waiting now. */
  readonly size: number
  /** Resolves when none waits. */
  idle(): Promise<void>
}

/** An empty queue; `take` must not throw. */
export const createIntake = <T>({ maxQueued, maxQueuedBytes = Infinity, take }: IntakeOptions<T>): Intake<T> => {
  let queue: { readonly item: T; readonly bytes: number }[] = []
  let queuedBytes = 0
  let taken = 0
  let scheduled = false
  let waiting: (() => void)[] = []

  const work = () => {
    scheduled = false
    const end = Math.min(queue.length, taken + sliceLength)
    while (taken < end) {
      const next = queue[taken]
      taken += 1
      if (next === undefined) continue
      queuedBytes -= next.bytes
      take(next.item)
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
    offer: (item, bytes = 0) => {
      if (queue.length - taken >= maxQueued || queuedBytes + bytes > maxQueuedBytes) return false
      queue.push({ item, bytes })
      queuedBytes += bytes
      schedule()
      return true
    },
    get size() {
      return queue.length - taken
    },
    idle: () => (queue.length === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  }
}
