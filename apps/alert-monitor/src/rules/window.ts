import { addPoint, createMoments, lineThrough, type Line, type Moments } from './line.ts'
import { createRoom, type Room } from './room.ts'
import { addToBins, quantileOf, type Bins } from './sketch.ts'

/** The statistics that a threshold may compare. `count` of a set is the number of different members. */
export const statNames = ['p50', 'p99', 'mean', 'max', 'count', 'last'] as const
export type StatName = (typeof statNames)[number]

/** Slots a window is divided into. */
export const slotsPerWindow = 30
/** Different members of a set that are told apart in one window. */
export const maxMembers = 10_000

interface Slot {
  index: number
  count: number
  sum: number
  min: number
  max: number
  firstMs: number
  first: number
  lastMs: number
  last: number
  bins: Bins
  moments: Moments | undefined
}

/**
 * The recent values of one metric in bounded memory, whatever their number: 30 slots that are reused in turn. It answers for
 * the last `windowMs`, of which the oldest slot (a 30th) may be cut off. Quantiles are within 1 %; all else is exact.
 */
export interface Window {
  /**
   * `atMs` may be earlier than before: it counts where it belongs, and not at all once out of the window. False = there was no room for a new
   * member or bin: the window is as before.
   */
  add(atMs: number, value: number, weight: number, member?: string): boolean
  /** Gives back its room. It is not used any more then. */
  close(): void
  /** Undefined where the window holds no value. */
  stat(name: StatName, nowMs: number): number | undefined
  /** The `q` quantile (0 to 1). Undefined where the window holds no value, or keeps no quantiles. */
  quantile(q: number, nowMs: number): number | undefined
  /** Largest and smallest value: bounds on every other value statistic. */
  range(nowMs: number): { min: number; max: number } | undefined
  /** Sum of value x weight, and the time it covers: between 29 thirtieths of `windowMs` and all of it. */
  sum(nowMs: number): { sum: number; coveredMs: number }
  /** Change a second from the first value to the last; undefined with fewer than two moments. */
  slope(nowMs: number): number | undefined
  /** The line of least squares through its values; undefined with fewer than two moments, or without `line`. */
  line(nowMs: number): Line | undefined
}

/** Room in all windows together. */
export interface Rooms {
  /** For different members of sets. */
  readonly members: Room
  /** For bins of quantiles. */
  readonly bins: Room
}

export interface WindowOptions {
  readonly windowMs: number
  /** Keep what quantiles need. Default false. */
  readonly quantiles?: boolean
  /** Keep what `line` needs. Default false. */
  readonly line?: boolean
  /** Shared with other windows. Default: any number. */
  readonly rooms?: Rooms
}

/** An empty window. */
export const createWindow = ({ windowMs, quantiles = false, line = false, rooms }: WindowOptions): Window => {
  const { members: memberRoom, bins: binRoom } = rooms ?? { members: createRoom(Infinity), bins: createRoom(Infinity) }
  const slotMs = windowMs / slotsPerWindow
  const slots: (Slot | undefined)[] = []
  const members = new Map<string, number>()

  const slotAt = (atMs: number): Slot | undefined => {
    const index = Math.floor(atMs / slotMs)
    const place = ((index % slotsPerWindow) + slotsPerWindow) % slotsPerWindow
    const held = slots[place]
    if (held !== undefined && held.index >= index) return held.index === index ? held : undefined
    const fresh = emptySlot(index, line ? createMoments(index * slotMs) : undefined)
    binRoom.give(held?.bins.size ?? 0)
    slots[place] = fresh
    return fresh
  }

  const live = (nowMs: number): Slot[] => {
    const newest = Math.floor(nowMs / slotMs)
    return slots.filter(
      (slot): slot is Slot => slot !== undefined && slot.index > newest - slotsPerWindow && slot.index <= newest,
    )
  }

  const countMembers = (nowMs: number) => {
    const before = members.size
    for (const [member, seenMs] of members) if (seenMs <= nowMs - windowMs) members.delete(member)
    memberRoom.give(before - members.size)
    return members.size === 0 ? undefined : members.size
  }

  const addMember = (member: string, atMs: number): boolean => {
    const seenMs = members.get(member)
    if (seenMs !== undefined) members.set(member, Math.max(atMs, seenMs))
    else {
      if (members.size >= maxMembers) countMembers(atMs)
      if (members.size >= maxMembers || !memberRoom.take()) return false
      members.set(detached(member), atMs)
    }
    return true
  }

  const stat = (name: StatName, nowMs: number): number | undefined => {
    if (members.size > 0) return name === 'count' ? countMembers(nowMs) : undefined
    const held = live(nowMs)
    if (held.length === 0) return undefined
    const total = (pick: (slot: Slot) => number) => held.reduce((sum, slot) => sum + pick(slot), 0)
    if (name === 'count') return total(({ count }) => count)
    if (name === 'mean') return total(({ sum }) => sum) / total(({ count }) => count)
    if (name === 'max') return Math.max(...held.map(({ max }) => max))
    if (name === 'last') return latest(held).last
    return quantileIn(held, name === 'p50' ? 0.5 : 0.99)
  }

  return {
    add: (atMs, value, weight, member) => {
      if (member !== undefined) return addMember(member, atMs)
      const slot = slotAt(atMs)
      if (slot === undefined) return true
      if (quantiles && !addToBins(slot.bins, value, weight, binRoom)) return false
      slot.count += weight
      slot.sum += value * weight
      slot.min = Math.min(slot.min, value)
      slot.max = Math.max(slot.max, value)
      if (slot.moments !== undefined) addPoint(slot.moments, atMs, value)
      if (atMs < slot.firstMs) [slot.firstMs, slot.first] = [atMs, value]
      if (atMs >= slot.lastMs) [slot.lastMs, slot.last] = [atMs, value]
      return true
    },
    close: () => {
      memberRoom.give(members.size)
      members.clear()
      for (const slot of slots) binRoom.give(slot?.bins.size ?? 0)
      slots.length = 0
    },
    stat,
    quantile: (q, nowMs) => quantileIn(live(nowMs), q),
    range: (nowMs) => {
      const held = live(nowMs)
      return held.length === 0 ? undefined : rangeOf(held)
    },
    sum: (nowMs) => ({
      sum: live(nowMs).reduce((sum, slot) => sum + slot.sum, 0),
      coveredMs: nowMs - (Math.floor(nowMs / slotMs) - slotsPerWindow + 1) * slotMs,
    }),
    slope: (nowMs) => {
      const held = live(nowMs)
      if (held.length === 0) return undefined
      const first = held.reduce((a, b) => (b.firstMs < a.firstMs ? b : a))
      const last = latest(held)
      const seconds = (last.lastMs - first.firstMs) / 1000
      return seconds > 0 ? (last.last - first.first) / seconds : undefined
    },
    line: (nowMs) => lineThrough(live(nowMs).flatMap(({ moments }) => moments ?? [])),
  }
}

/** A text of its own: a part of a longer text keeps all of that in memory. */
export const detached = (text: string): string => Buffer.from(text, 'utf8').toString('utf8')

const emptySlot = (index: number, moments: Moments | undefined): Slot => ({
  index,
  count: 0,
  sum: 0,
  min: Infinity,
  max: -Infinity,
  firstMs: Infinity,
  first: 0,
  lastMs: -Infinity,
  last: 0,
  bins: new Map(),
  moments,
})

const quantileIn = (held: readonly Slot[], q: number): number | undefined => {
  if (held.length === 0) return undefined
  const { min, max } = rangeOf(held)
  const quantile = quantileOf(
    held.map(({ bins }) => bins),
    q,
  )
  return quantile === undefined ? undefined : Math.min(max, Math.max(min, quantile))
}

const latest = (held: readonly Slot[]): Slot => held.reduce((a, b) => (b.lastMs > a.lastMs ? b : a))

const rangeOf = (held: readonly Slot[]) => ({
  min: Math.min(...held.map(({ min }) => min)),
  max: Math.max(...held.map(({ max }) => max)),
})
