import { deliveryWindow } from '@armature/messaging-kit/delivery-window'
import { streamsAcks, type StreamsAcks } from './streams-acks.ts'
import { decodeEntry, positionOf } from './streams-codec.ts'
import { entryIndex, type EntryIndex, type PendingEntry } from './streams-entry-index.ts'
import { readSize, type ReadSize } from './streams-read-size.ts'
import { redeliveries } from './streams-redeliveries.ts'
import type { StreamsSubscriptionParts } from './streams-subscription-parts.ts'

/** The entries that are pending for a consumer: with a handler, in wait for one, or in wait to come again. */
export interface PendingEntries {
  readonly acks: StreamsAcks
  readonly index: EntryIndex
  readonly readSize: ReadSize
  /** Delivers an entry, unless it is pending already. An entry that was deleted (no fields) is acknowledged. */
  deliver(topic: string, id: string, fields: readonly Buffer[] | null, attempt: number): void
  readonly hasRoom: boolean
  /** Resolves when there is room, and when stopped. */
  room(): Promise<void>
  /** Lets go of entries that another consumer has: how their handlers settle counts for nothing. */
  lose(topic: string, ids: readonly string[]): void
  /** Ids of entries that a handler had and that are not pending here any more, since the stop. */
  readonly delivered: readonly string[]
  readonly inFlight: number
  /** Resolves when no entry is with a handler. */
  idle(): Promise<void>
  /** Calls no handler from now on, and lets go of what no handler has. */
  stop(): void
  /** Lets go of everything. */
  close(): void
}

/** No entries yet. `onReturn` is called for an entry that a handler rejected after `stop`. */
export const pendingEntries = (
  parts: StreamsSubscriptionParts,
  group: string,
  consumer: string,
  onReturn: () => void,
): PendingEntries => {
  const { connection, clock } = parts
  const { handle, settings } = parts.request
  const window = deliveryWindow<PendingEntry>({ handle, settings, clock })
  const size = readSize(window, settings)
  const acks = streamsAcks(connection, group)
  const index = entryIndex()
  const delayed = redeliveries(clock, settings.redeliveryDelayMs)
  const delivered: string[] = []
  let isStopped = false

  const drop = (entry: PendingEntry) => {
    index.remove(entry.topic, entry.id)
    delayed.cancel(entry)
  }

  const offer = (arrived: Omit<PendingEntry, 'renewedAtMs' | 'ack' | 'reject'>) => {
    const { topic, id } = arrived
    const entry: PendingEntry = {
      ...arrived,
      renewedAtMs: performance.now(),
      ack: () => {
        index.remove(topic, id)
        acks.add(topic, id)
      },
      reject: () => redeliver(entry),
    }
    index.add(entry)
    if (!window.offer(entry)) drop(entry)
  }

  /** Delivers the entry again after the delay. The server counts the attempt too, in case this consumer dies before. */
  const redeliver = (entry: PendingEntry) => {
    const { topic, id } = entry
    if (isStopped) {
      drop(entry)
      delivered.push(id)
      return onReturn()
    }
    const attempt = entry.attempt + 1
    delayed.schedule(entry, () => {
      const key = connection.prefix + topic
      const count = ['XCLAIM', key, group, consumer, '0', id, 'RETRYCOUNT', String(attempt), 'JUSTID']
      connection.send(count).catch(() => undefined)
      offer({ ...entry, attempt })
    })
  }

  const hasRoom = () => window.hasRoom && delayed.size < settings.maxInFlight

  return {
    acks,
    index,
    readSize: size,
    deliver: (topic, id, fields, attempt) => {
      if (isStopped || index.get(topic, id) !== undefined) return
      if (fields === null) return acks.add(topic, id)
      const { message, undecodable } = decodeEntry(topic, id, fields)
      size.saw(message.body.byteLength)
      offer({ topic, id, message, undecodable, attempt, position: positionOf(id) })
    },
    get hasRoom() {
      return hasRoom()
    },
    room: async () => {
      while (!isStopped && !hasRoom()) {
        await window.room()
        if (!isStopped && delayed.size >= settings.maxInFlight) await delayed.fewer()
      }
    },
    lose: (topic, ids) => {
      const lost = new Set(ids.flatMap((id) => index.get(topic, id) ?? []))
      if (lost.size === 0) return
      lost.forEach(drop)
      window.takeBack((entry) => lost.has(entry))
    },
    delivered,
    get inFlight() {
      return window.inFlight
    },
    idle: () => window.idle(),
    stop: () => {
      if (isStopped) return
      isStopped = true
      const rejected = delayed.cancelAll()
      delivered.push(...rejected.map(({ id }) => id))
      for (const entry of [...rejected, ...window.stop()]) drop(entry)
    },
    close: () => {
      const unsettled = window.close()
      delivered.push(...unsettled.map(({ id }) => id))
      unsettled.forEach(drop)
    },
  }
}
