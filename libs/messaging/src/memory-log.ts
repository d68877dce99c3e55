import { element } from './element.ts'
import type { Message } from './message.ts'
import type { Position } from './ports.ts'

/** A message as a partition holds it. */
export interface Entry {
  readonly message: Message
  readonly position: Position
  /** When it was stored; never below the entry before it. */
  readonly storedAtMs: number
}

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
  at(offset: number): Entry
  /** Cuts the oldest entry off. */
  dropFirst(): void
  /** The offset of the first entry stored at `timeMs` or later; `end` when there is none. */
  offsetAt(timeMs: number): number
}

/** Entries cut off are let go once they are this many and the larger half. */
const compactAt = 1024

export const partitionLog = (partition: number): PartitionLog => {
  const entries: (Entry | undefined)[] = []
  /** The offset of `entries[0]`. */
  let base = 0
  let first = 0
  let end = 0
  let bytes = 0
  let lastStoredAtMs = -Infinity

  const at = (offset: number): Entry => element(entries, offset - base)

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
      entries.push({ message, position: { partition, offset: end }, storedAtMs: lastStoredAtMs })
      end++
      bytes += message.body.byteLength
    },
    at,
    dropFirst: () => {
      bytes -= at(first).message.body.byteLength
      entries[first - base] = undefined
      first++
      const gone = first - base
      if (gone < compactAt || gone * 2 < entries.length) return
      entries.splice(0, gone)
      base = first
    },
    offsetAt: (timeMs) => {
      let low = first
      let high = end
      while (low < high) {
        const middle = low + Math.floor((high - low) / 2)
        if (at(middle).storedAtMs < timeMs) low = middle + 1
        else high = middle
      }
      return low
    },
  }
}
