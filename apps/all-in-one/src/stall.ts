import type { Store } from '@armature/search-service/store'

export interface StallableStore {
  readonly store: Store
  /** The next search of the store waits `delayMs` first, once. */
  stallNextRead(delayMs: number): void
}

/** The store's edge with a fault to inject: an awaited delay, which blocks nobody else. */
export const stallable = (inner: Store, wait: (delayMs: number) => Promise<void>): StallableStore => {
  let pendingDelayMs = 0
  return {
    store: {
      ...inner,
      search: async (wanted, limits) => {
        const delayMs = pendingDelayMs
        pendingDelayMs = 0
        if (delayMs > 0) await wait(delayMs)
        return inner.search(wanted, limits)
      },
    },
    stallNextRead: (delayMs) => {
      pendingDelayMs = delayMs
    },
  }
}
