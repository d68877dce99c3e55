/** The last items that were added, at most `limit`. */
export interface Recent<T> {
  add(item: T): void
  /** The newest first. */
  list(): readonly T[]
}

/** An empty list. */
export const createRecent = <T>(limit: number): Recent<T> => {
  const items: T[] = []
  return {
    add: (item) => {
      items.push(item)
      if (items.length > limit) items.shift()
    },
    list: () => items.toReversed(),
  }
}
