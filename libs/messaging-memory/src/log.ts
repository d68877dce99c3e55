import { elementAt } from '@armature/async/element-at'
import type { Message } from '@armature/messaging/message'

/** One partition: an append-only log that is cut off at its old end. Offsets begin at 0 and have no gaps. */
export interface PartitionLog {
  readonly partition: number
  /** The offset of the oldest entry kept; `end` when there is none. */
  readonly first: number
  /** The offset that the next entry will have. */
  readonly end: number
  /** Bytes of body kept. */
  readonly bytes: number
  append(message: Message, nowMs: number): void
  /** The entry at an offset from `first` on and below `end`. */
  at(offset: number): Message
  /** When the entry at an offset was stored. */
  storedAtMs(offset: number): number
  /** Hides the entry at an offset from all who have not got it yet. It keeps its place in the log. Does nothing where there is no entry. */
  remove(offset: number): void
  isRemoved(offset: number): boolean
  /** Cuts the oldest entry off. */
  dropFirst(): void
  /** The offset of the first entry stored at `timeMs` or later; `end` when there is none. */
  offsetAt(timeMs: number): number
}

/** The array is cut once this many entries, and more than half of it, are gone. */
const compactAt = 1024

/** An empty partition. */
export const partitionLog = (partition: number): PartitionLog => {
  const messages: (Message | undefined)[] = []
  /** When each was stored; never below the one before. */
  const times: number[] = []
  const removed = new Set<number>()
  /** The offset of `messages[0]`. */
  let base = 0
  let first = 0
  let end = 0
  let bytes = 0
  let lastStoredAtMs = -Infinity

  const at = (offset: number): Message => elementAt(messages, offset - base)

  return {
    partition,
    get first() {
      return first
    },
    get end() {
      return end
    },
    get bytes() {
      return bytes
    },
    append: (message, nowMs) => {
      if (nowMs > lastStoredAtMs) lastStoredAtMs = nowMs
      messages.push(message)
      times.push(lastStoredAtMs)
      end++
      bytes += message.body.byteLength
    },
    at,
    storedAtMs: (offset) => elementAt(times, offset - base),
    remove: (offset) => {
      if (offset >= first && offset < end) removed.add(offset)
    },
    isRemoved: (offset) => removed.has(offset),
    dropFirst: () => {
      bytes -= at(first).body.byteLength
      messages[first - base] = undefined
      removed.delete(first)
      first++
      const gone = first - base
      if (gone < compactAt || gone * 2 < messages.length) return
      messages.splice(0, gone)
      times.splice(0, gone)
      base = first
    },
    offsetAt: (timeMs) => {
      let low = first
      let high = end
      while (low < high) {
        const middle = low + Math.floor((high - low) / 2)
        if (elementAt(times, middle - base) < timeMs) low = middle + 1
        else high = middle
      }
      return low
    },
  }
}
