import { createHash, type Hash } from 'node:crypto'
import { drivenClock, type DrivenClock } from '@armature/async/clock'
import { seededRandom, type Random } from '@armature/async/random'
import type { Subscription } from '@armature/messaging/ports'
import { memoryBroker, type MemoryBroker } from '../src/broker.ts'
import type { MemoryConnection } from '../src/connection.ts'
import type { MemoryLimits } from '../src/settings.ts'

/** A safeguard taken away on purpose, to see that its absence is found. */
export type Sabotage = 'ack-before-work' | 'no-serial' | 'forget-one'

export interface Consumer {
  readonly connection: MemoryConnection
  readonly subscription: Subscription
  readonly maxInFlight: number
  /** Its process is stopped (SIGSTOP): handlers make no progress. */
  isStalled: boolean
  isGone: boolean
}

export interface Written {
  readonly id: string
  readonly key: string
  readonly sequence: number
}

/** One simulation: the broker, what clients share, and the ledger. */
export interface SimulatedRun {
  readonly broker: MemoryBroker
  readonly clock: DrivenClock
  readonly random: Random
  readonly limits: Pick<MemoryLimits, 'partitions' | 'maxPartitionMessages' | 'publishWaitMs' | 'rebalanceTimeoutMs'>
  readonly sabotage: Sabotage | undefined
  readonly serial: boolean
  readonly keys: readonly string[]
  /** A hash over all that happened. */
  readonly trace: Hash
  readonly violations: string[]
  /** By id, the hash of each body that a writer published. */
  readonly attempted: Map<string, string>
  readonly confirmed: Set<string>
  /** The messages that reached the sink, repeats included. */
  readonly sink: Written[]
  /** By key, the highest sequence that was delivered. */
  readonly firstDeliveries: Map<string, number>
  /** The ids that a subscriber without a group got. */
  readonly watched: string[]
  readonly consumers: Consumer[]
  readonly counts: Counts
  /** No faults happen any more. */
  isHealing: boolean
  chance(probability: number): boolean
  wait(ms: number): Promise<void>
  violate(text: string): void
}

export interface Counts {
  calls: number
  resolved: number
  rejectedByHandler: number
  wroteThenFailed: number
  publishesFailed: number
  kills: number
  stalls: number
}

export const topic = 'sim.events'

export const sha = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex').slice(0, 16)

/** A run that has not begun. The seed decides everything in it. */
export const simulatedRun = (seed: number, sabotage: Sabotage | undefined): SimulatedRun => {
  const random = seededRandom(seed)
  const chance = (probability: number) => random.next() < probability
  const clock = drivenClock(1_700_000_000_000)
  const serial = chance(0.6)
  const keys = Array.from({ length: 1 + random.below(8) }, (_, index) => `key-${index}`)
  const limits = {
    partitions: 1 + random.below(5),
    maxPartitionMessages: 10 + random.below(100),
    publishWaitMs: 500 + random.below(2_000),
    rebalanceTimeoutMs: 50 + random.below(500),
  }
  const violations: string[] = []
  return {
    broker: memoryBroker({ clock, seed, ...limits }),
    ...{ clock, random, limits, sabotage, serial, keys, violations, chance },
    trace: createHash('sha256'),
    attempted: new Map(),
    confirmed: new Set(),
    sink: [],
    firstDeliveries: new Map(),
    watched: [],
    consumers: [],
    counts: {
      calls: 0,
      resolved: 0,
      rejectedByHandler: 0,
      wroteThenFailed: 0,
      publishesFailed: 0,
      kills: 0,
      stalls: 0,
    },
    isHealing: false,
    wait: (ms) => new Promise<void>((resolve) => clock.after(ms, resolve)),
    violate: (text) => {
      if (violations.length < 10) violations.push(text)
    },
  }
}
