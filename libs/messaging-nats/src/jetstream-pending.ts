export interface PendingLimits {
  readonly maxMessages: number
  readonly maxBytes: number
}

/** Something that was sent and not acknowledged. */
export interface PendingItem {
  /** An acknowledgement names the message by this token. */
  readonly token: number
  readonly bytes: number
}

/** The messages that were sent and not acknowledged, within bounds. */
export interface Pending<Item extends PendingItem> {
  readonly size: number
  find(token: number): Item | undefined
  all(): Iterable<Item>
  /** Adds an item. The caller has waited for room. */
  add(item: Item): void
  remove(item: Item): void
  /** Whether so many bytes fit. One item that is larger than the bound fits alone. */
  hasRoom(bytes: number): boolean
  /** Resolves when something was removed. */
  removal(): Promise<void>
}

/** An empty set of pending items. */
export const pendingItems = <Item extends PendingItem>({ maxMessages, maxBytes }: PendingLimits): Pending<Item> => {
  const items = new Map<number, Item>()
  let pendingBytes = 0
  let waiting: (() => void)[] = []

  return {
    get size() {
      return items.size
    },
    find: (token) => items.get(token),
    all: () => items.values(),
    add: (item) => {
      items.set(item.token, item)
      pendingBytes += item.bytes
    },
    remove: (item) => {
      if (!items.delete(item.token)) return
      pendingBytes -= item.bytes
      if (waiting.length === 0) return
      const due = waiting
      waiting = []
      for (const resolve of due) resolve()
    },
    hasRoom: (bytes) => items.size === 0 || (items.size < maxMessages && pendingBytes + bytes <= maxBytes),
    removal: () => new Promise<void>((resolve) => waiting.push(resolve)),
  }
}
