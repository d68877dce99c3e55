import { elementAt } from '@armature/async/element-at'

/** With `serial: 'key'`: which message of each key may be delivered, and which wait behind it. Messages are named by their offset. */
export interface KeyOrder {
  /** Whether any key is taken. */
  readonly isEmpty: boolean
  /** How many messages wait behind others of their key. */
  readonly waiting: number
  /** Whether the message may be delivered. Where it may not, it waits behind its key. One without a key always may. */
  enter(offset: number): boolean
  /** The message is settled. Answers the next of its key, which may be delivered now. */
  leave(offset: number): number | undefined
  /** Reserves the key of a message for it, where no other message has it. */
  reserve(offset: number): void
  /** Forgets all. Answers the messages that waited, in no order. */
  clear(): readonly number[]
}

interface Key {
  /** The message that may be delivered. */
  first: number
  /** Those behind it, ascending. */
  readonly behind: number[]
}

const ascending = (a: number, b: number) => a - b

/** The order of one partition. `keyOf` is the key of the message at an offset. */
export const keyOrder = (keyOf: (offset: number) => string | undefined): KeyOrder => {
  const keys = new Map<string, Key>()
  let waiting = 0

  return {
    get isEmpty() {
      return keys.size === 0
    },
    get waiting() {
      return waiting
    },
    enter: (offset) => {
      const name = keyOf(offset)
      if (name === undefined) return true
      const key = keys.get(name)
      if (key === undefined) {
        keys.set(name, { first: offset, behind: [] })
        return true
      }
      if (key.first === offset) return true
      waiting++
      const { behind } = key
      behind.push(offset)
      const { length } = behind
      if (length > 1 && elementAt(behind, length - 2) > offset) behind.sort(ascending)
      return false
    },
    leave: (offset) => {
      const name = keyOf(offset)
      const key = name === undefined ? undefined : keys.get(name)
      if (name === undefined || key === undefined || key.first !== offset) return undefined
      const next = key.behind.shift()
      if (next === undefined) {
        keys.delete(name)
        return undefined
      }
      waiting--
      key.first = next
      return next
    },
    reserve: (offset) => {
      const name = keyOf(offset)
      if (name !== undefined && !keys.has(name)) keys.set(name, { first: offset, behind: [] })
    },
    clear: () => {
      const all = [...keys.values()].flatMap(({ behind }) => behind)
      keys.clear()
      waiting = 0
      return all
    },
  }
}
