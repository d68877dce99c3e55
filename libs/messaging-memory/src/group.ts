import { ackTracker } from '@armature/messaging-kit/ack-tracker'
import type { Clock } from '@armature/async/clock'
import { assign } from './assignment.ts'
import type { Delays } from './delays.ts'
import { createLane, type Lane } from './lane.ts'
import type { PartitionLog } from './log.ts'
import type { Member } from './subscription.ts'
import type { MemoryTopic } from './topic.ts'
import type { StartPosition } from '@armature/messaging/ports'
import { matches } from '@armature/messaging/topic-pattern'

/**
 * A consumer group: what it has settled of each topic, and which member reads which partition. It remembers its place and its patterns when its
 * members have left, as a durable consumer does, so what is published meanwhile waits for them.
 */
export interface Group {
  /** A topic was created, which is still empty: the group reads it if one of its patterns stands for it. */
  created(topic: MemoryTopic): void
  join(member: Member, from: StartPosition, topics: Iterable<MemoryTopic>): void
  leave(member: Member): void
  /** Takes back what the member has unsettled. */
  release(member: Member): void
  /** Forgets everything; what is unsettled may still be settled. */
  end(): void
  readonly members: number
}

export interface GroupParts {
  /** Undefined for the group of a subscriber that named none. */
  readonly name: string | undefined
  readonly clock: Clock
  readonly delays: Delays
  readonly rebalanceTimeoutMs: number
  /** Called when the group has settled something of a topic. */
  readonly advanced: (topic: MemoryTopic) => void
}

interface Reading {
  readonly topic: MemoryTopic
  readonly lanes: readonly Lane[]
  /** The number of the last rebalance that had to wait for partitions. */
  rebalance: number
}

const startOf = (log: PartitionLog, from: StartPosition): number => {
  if (from === 'latest') return log.end
  if (from === 'earliest') return log.first
  if ('offset' in from) return Math.max(from.offset, log.first)
  return log.offsetAt(from.time.getTime())
}

/** A group without members and without a place. */
export const createGroup = ({ name, clock, delays, rebalanceTimeoutMs, advanced }: GroupParts): Group => {
  const reader = name === undefined ? 'a subscriber without a group' : `group ${JSON.stringify(name)}`
  /** In order of joining. */
  const members: Member[] = []
  /** The patterns of all members that ever joined. */
  const patterns = new Map<string, StartPosition>()
  const readings = new Map<string, Reading>()

  /** Partitions of all topics aimed at each member. */
  const loads = new Map<Member, number>()
  let rebalances = 0

  const aim = (lane: Lane, target: Member | undefined) => {
    const before = lane.target as Member | undefined
    if (before === target) return
    if (before !== undefined) loads.set(before, (loads.get(before) ?? 0) - 1)
    if (target !== undefined) loads.set(target, (loads.get(target) ?? 0) + 1)
    lane.aim(target)
  }

  const balance = (reading: Reading) => {
    const { topic, lanes } = reading
    const wanted = assign(
      lanes.map((lane) => lane.target as Member | undefined),
      members.filter((member) => matches(member.pattern, topic.name)),
      (member) => loads.get(member) ?? 0,
    )
    for (const [index, lane] of lanes.entries()) aim(lane, wanted[index])
    const isMoving = (lane: Lane) => lane.target !== undefined && lane.owner !== lane.target
    if (!lanes.some(isMoving)) return
    const rebalance = ++rebalances
    reading.rebalance = rebalance
    clock.after(rebalanceTimeoutMs, () => {
      if (reading.rebalance === rebalance) for (const lane of lanes) if (isMoving(lane)) lane.release()
    })
  }

  const balanceAll = () => {
    for (const reading of readings.values()) balance(reading)
  }

  const read = (topic: MemoryTopic, from: StartPosition) => {
    const tracker = ackTracker()
    const lanes = topic.partitions.map((log) =>
      createLane({ log, reader, start: startOf(log, from), tracker, delays, advanced: () => advanced(topic) }),
    )
    const reading = { topic, lanes, rebalance: 0 }
    readings.set(topic.name, reading)
    topic.attach(lanes)
    balance(reading)
  }

  return {
    created: (topic) => {
      for (const [pattern, from] of patterns) {
        if (!matches(pattern, topic.name)) continue
        read(topic, from)
        return
      }
    },
    join: (member, from, topics) => {
      members.push(member)
      if (!patterns.has(member.pattern)) patterns.set(member.pattern, from)
      balanceAll()
      for (const topic of topics) {
        if (!readings.has(topic.name) && matches(member.pattern, topic.name)) read(topic, from)
      }
    },
    leave: (member) => {
      const index = members.indexOf(member)
      if (index < 0) return
      members.splice(index, 1)
      balanceAll()
      loads.delete(member)
    },
    release: (member) => {
      for (const { lanes } of readings.values()) for (const lane of lanes) if (lane.owner === member) lane.release()
    },
    end: () => {
      for (const { topic, lanes } of readings.values()) {
        for (const lane of lanes) lane.end()
        topic.detach(lanes)
      }
    },
    get members() {
      return members.length
    },
  }
}
