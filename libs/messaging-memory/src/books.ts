/** What an in-memory broker has counted: delivered = acked + rejected + returned + in flight. */
export interface MemoryBooks {
  /** Messages stored. */
  published: number
  /** Publishes that were rejected. */
  refused: number
  /** Calls of handlers. */
  delivered: number
  acked: number
  /** Not acknowledged: delivered again after the delay. */
  rejected: number
  /** Taken back unsettled from a member that closed, or that kept a partition too long after a rebalance. */
  returned: number
  /** Handlers that settled after their delivery had been taken back: not counted otherwise. */
  fenced: number
}

/** Books with every count at 0. */
export const memoryBooks = (): MemoryBooks => ({
  published: 0,
  refused: 0,
  delivered: 0,
  acked: 0,
  rejected: 0,
  returned: 0,
  fenced: 0,
})
