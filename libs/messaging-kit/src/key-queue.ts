import { ring, type Ring } from '@armature/async/ring'

/** One at a time of each key: the others wait behind it, in order. */
export interface KeyQueue<Item> {
  /** Whether the item may go now; else it waits until `leave` answers it. */
  enter(key: string, item: Item): boolean
  /** The item that had the key is done: the next that may go, without those that are gone. Undefined where none waits. */
  leave(key: string, isGone: (item: Item) => boolean): Item | undefined
}

/** An empty one. It bounds nothing: its user does. */
export const keyQueue = <Item>(): KeyQueue<Item> => {
  const behind = new Map<string, Ring<Item>>()
  return {
    enter: (key, item) => {
      const waiting = behind.get(key)
      if (waiting === undefined) {
        behind.set(key, ring())
        return true
      }
      waiting.push(item)
      return false
    },
    leave: (key, isGone) => {
      const waiting = behind.get(key)
      let next = waiting?.shift()
      while (next !== undefined && isGone(next)) next = waiting?.shift()
      if (next === undefined) behind.delete(key)
      return next
    },
  }
}
