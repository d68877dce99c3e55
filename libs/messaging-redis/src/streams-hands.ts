import type { Cancel } from '@armature/async/clock'
import { deliveryWindow, type Arrival } from '@armature/messaging-kit/delivery-window'
import { streamsAcks, type StreamsAcks } from './streams-acks.ts'
import { decodeEntry, positionOf } from './streams-codec.ts'
import type { StreamsSubscriptionParts } from './streams-parts.ts'

/** A message that this member has and did not settle. */
interface Held extends Arrival {
  readonly topic: string
  readonly id: string
  renewedAtMs: number
}

/** What a member of a group has in its hands: what is with a handler, waits for one, or waits to come again. */
export interface MemberHands {
  readonly acks: StreamsAcks
  has(topic: string, id: string): boolean
  /** Hands an entry over; one that was deleted (no fields) is acknowledged. */
  take(topic: string, id: string, fields: readonly Buffer[] | null, attempt: number): void
  readonly hasRoom: boolean
  /** Messages that may be read now. */
  readonly room: number
  whenRoom(): Promise<void>
  /** What was not renewed for so long, by topic, `most` ids each time. */
  due(forMs: number, most: number): { readonly topic: string; readonly ids: readonly string[] }[]
  renewed(topic: string, ids: readonly string[]): void
  /** These are another member's now: how their handlers settle counts for nothing. */
  lose(topic: string, ids: readonly string[]): void
  /** What is with a handler. */
  idsOf(topic: string): readonly string[]
  /** Ids that a handler had and that are not in hand any more, since the stop. */
  readonly handed: readonly string[]
  readonly inFlight: number
  idle(): Promise<void>
  /** Calls no handler from now on, and lets go of what no handler has. */
  stop(): void
  /** Lets go of everything. */
  close(): void
}

/** Larger replies only burden the memory. */
const mostBytesAtOnce = 1024 * 1024

/** Empty hands. `onReturn` is called for what a handler rejected after `stop`. */
export const memberHands = (
  parts: StreamsSubscriptionParts,
  group: string,
  consumer: string,
  onReturn: () => void,
): MemberHands => {
  const { link, settings, clock } = parts
  const { maxInFlight, maxInFlightBytes, redeliveryDelayMs } = settings
  const window = deliveryWindow({ handle: parts.handle, settings, clock })
  const acks = streamsAcks(link, group)
  const byTopic = new Map<string, Map<string, Held>>()
  /** Rejected, in wait to come again. */
  const delayed = new Map<Held, Cancel>()
  let handed: string[] = []
  let averageBytes = 1_000
  let isStopped = false
  let whenFewer: (() => void)[] = []

  const heldOf = (topic: string): Map<string, Held> => {
    const known = byTopic.get(topic)
    if (known !== undefined) return known
    const held = new Map<string, Held>()
    byTopic.set(topic, held)
    return held
  }

  const fewer = () => {
    const due = whenFewer
    whenFewer = []
    for (const resolve of due) resolve()
  }

  const drop = (held: Held) => {
    byTopic.get(held.topic)?.delete(held.id)
    delayed.get(held)?.()
    delayed.delete(held)
  }

  const give = (arrived: Pick<Held, 'topic' | 'id' | 'message' | 'undecodable' | 'attempt' | 'position'>) => {
    const { topic, id, message, undecodable, attempt, position } = arrived
    const held: Held = {
      topic,
      id,
      message,
      undecodable,
      attempt,
      position,
      renewedAtMs: performance.now(),
      ack: () => {
        byTopic.get(topic)?.delete(id)
        acks.add(topic, id)
      },
      reject: () => again(held),
    }
    heldOf(topic).set(id, held)
    if (!window.offer(held)) drop(held)
  }

  /** It comes again here after the delay. The server counts it too, in case this member does not live to see it. */
  const again = (held: Held) => {
    const { topic, id, attempt } = held
    if (isStopped) {
      drop(held)
      handed.push(id)
      return onReturn()
    }
    const next = attempt + 1
    const cancel = clock.after(redeliveryDelayMs, () => {
      const count = ['XCLAIM', link.prefix + topic, group, consumer, '0', id, 'RETRYCOUNT', String(next), 'JUSTID']
      link.send(count).catch(() => undefined)
      delayed.delete(held)
      give({ ...held, attempt: next })
      fewer()
    })
    delayed.set(held, cancel)
  }

  const hasRoom = () => window.hasRoom && delayed.size < maxInFlight

  return {
    acks,
    has: (topic, id) => byTopic.get(topic)?.has(id) === true,
    take: (topic, id, fields, attempt) => {
      if (isStopped || heldOf(topic).has(id)) return
      if (fields === null) return acks.add(topic, id)
      const { message, undecodable } = decodeEntry(topic, id, fields)
      averageBytes += (message.body.byteLength - averageBytes) / 16
      give({ topic, id, message, undecodable, attempt, position: positionOf(id) })
    },
    get hasRoom() {
      return hasRoom()
    },
    get room() {
      const messages = 2 * maxInFlight - window.inFlight - window.held
      return Math.max(1, Math.min(messages, Math.floor(Math.min(mostBytesAtOnce, 2 * maxInFlightBytes) / averageBytes)))
    },
    whenRoom: async () => {
      while (!isStopped && !hasRoom()) {
        await window.room()
        if (!isStopped && delayed.size >= maxInFlight) await new Promise<void>((resolve) => whenFewer.push(resolve))
      }
    },
    due: (forMs, most) => {
      const before = performance.now() - forMs
      return [...byTopic].flatMap(([topic, held]) => {
        const ids = [...held.values()].filter(({ renewedAtMs }) => renewedAtMs < before).map(({ id }) => id)
        return Array.from({ length: Math.ceil(ids.length / most) }, (_, at) => ({
          topic,
          ids: ids.slice(at * most, (at + 1) * most),
        }))
      })
    },
    renewed: (topic, ids) => {
      for (const id of ids) {
        const held = byTopic.get(topic)?.get(id)
        if (held !== undefined) held.renewedAtMs = performance.now()
      }
    },
    lose: (topic, ids) => {
      const lost = new Set(ids.flatMap((id) => byTopic.get(topic)?.get(id) ?? []))
      if (lost.size === 0) return
      lost.forEach(drop)
      window.takeBack((arrival) => lost.has(arrival as Held))
    },
    idsOf: (topic) => [...(byTopic.get(topic)?.keys() ?? [])],
    get handed() {
      return handed
    },
    get inFlight() {
      return window.inFlight
    },
    idle: () => window.idle(),
    stop: () => {
      if (isStopped) return
      isStopped = true
      for (const held of [...delayed.keys()]) {
        handed.push(held.id)
        drop(held)
      }
      for (const held of window.stop()) drop(held as Held)
      fewer()
    },
    close: () => {
      const flying = window.close() as readonly Held[]
      handed = [...handed, ...flying.map(({ id }) => id)]
      flying.forEach(drop)
    },
  }
}
