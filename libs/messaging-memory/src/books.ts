/** The counts of an in-memory broker. `delivered` = `acked` + `rejected` + `returned` + what is in flight. */
export interface MemoryBooks {
  /** Messages appended to a partition. */
  published: number
  /** Publishes that were rejected. */
  refused: number
  /** Calls of handlers. */
  delivered: number
  acked: number
  /** Rejected by their handler: they are delivered again after the delay. */
  rejected: number
  /** Taken back unsettled from a member that closed, or that kept a partition too long after a rebalance. */
  returned: number
  /** Handlers that settled after their delivery had been taken back. They count nowhere else. */
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
