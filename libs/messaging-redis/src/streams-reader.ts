import { randomUUID } from 'node:crypto'
import { within } from '@armature/async/within'
import { deliveryWindow } from '@armature/messaging-kit/delivery-window'
import { subscriptionLife } from '@armature/messaging-kit/subscription-life'
import type { Subscription } from '@armature/messaging/ports'
import { binaryReplies, type RedisClient } from './commands.ts'
import { decodeEntry, positionOf, startAfter, type Entry } from './streams-codec.ts'
import { readerPrefix } from './streams-connection.ts'
import { cursorAfter, type Cursor, type Cursors } from './streams-cursors.ts'
import { join } from './streams-join.ts'
import { blockMs, entriesOf, readLoop, type ReadReply } from './streams-read-loop.ts'
import { readSize } from './streams-read-size.ts'
import { readerChecks } from './streams-reader-checks.ts'
import { readerLeaseMs, startSaving } from './streams-reader-saves.ts'
import { forgetScript } from './streams-scripts.ts'
import type { StreamsSubscriptionParts } from './streams-subscription-parts.ts'

const checkMs = 1_000

/**
 * A subscriber without a group. It reads from cursors of its own and keeps them on the server as the places of a private group, which reads
 * nothing, so that nothing is cut off that it has not settled. The private group has a lease, so that the group of a dead reader is removed.
 * Rejects with the server's error.
 */
export const openReader = async (parts: StreamsSubscriptionParts): Promise<Subscription> => {
  const { connection, clock, closeWaitMs, warn } = parts
  const { topic: pattern, handle, settings } = parts.request
  const { signals } = connection
  const group = readerPrefix + randomUUID()
  const startId = startAfter(settings.from)
  const joined = await join(connection, { group, pattern, startId, leaseMs: readerLeaseMs })
  const cursors: Cursors = new Map(joined.topics.map(([topic, id]) => [topic, cursorAfter(id)]))
  const window = deliveryWindow({ handle, settings, clock })
  const size = readSize(window, settings)

  const deliver = (topic: string, cursor: Cursor, [raw, fields]: Entry) => {
    const id = raw.toString()
    cursor.readId = id
    if (fields === null) return
    const { message, undecodable } = decodeEntry(topic, id, fields)
    size.saw(message.body.byteLength)
    cursor.unsettledIds.add(id)
    const ack = () => void cursor.unsettledIds.delete(id)
    window.offer({ message, undecodable, attempt: 1, position: positionOf(id), ack })
  }

  /** Answers how many milliseconds to pause before the next read. */
  const read = async (client: RedisClient): Promise<number> => {
    if (cursors.size === 0) return blockMs
    const command = ['XREAD', 'COUNT', String(size.messages(cursors.size)), 'BLOCK', String(blockMs), 'STREAMS']
    for (const topic of cursors.keys()) command.push(connection.prefix + topic)
    for (const { readId } of cursors.values()) command.push(readId)
    const reply = await client.sendCommand<ReadReply>(command, binaryReplies)
    if (subscription.state !== 'open') return 0
    for (const [topic, entry] of entriesOf(reply, connection.prefix)) {
      const cursor = cursors.get(topic)
      if (cursor !== undefined) deliver(topic, cursor, entry)
    }
    return 0
  }

  const addTopic = (topic: string) => {
    if (cursors.has(topic)) return
    cursors.set(topic, cursorAfter('0-0'))
    loop.interrupt()
  }

  const joinAgain = async () => {
    if (subscription.state !== 'open') return
    const again = await join(connection, { group, pattern, startId: '0-0', leaseMs: readerLeaseMs })
    for (const [topic, id] of again.topics) {
      const cursor = cursors.get(topic)
      if (cursor === undefined) cursors.set(topic, cursorAfter('0-0'))
      else cursor.savedId = id
    }
    loop.interrupt()
  }

  const loop = readLoop({ connection, onConnect: async () => undefined, room: () => window.room(), read, warn })
  const checks = readerChecks({ connection, group, cursors, joinAgain, onMovedBack: loop.interrupt })
  const checkTimer = setInterval(() => {
    if (connection.client !== undefined) void checks.checkQuiet().catch(() => undefined)
  }, checkMs).unref()
  const endSaving = startSaving({ connection, group, cursors, onGroupGone: checks.checkAll })
  const endSignals = [
    signals.onTopic(pattern, joined.lastNumber, addTopic),
    signals.onEmptied(checks.checkEmptied),
    () => clearInterval(checkTimer),
  ]

  const subscription = subscriptionLife({
    stop: async () => {
      endSignals.forEach((end) => end())
      window.stop()
      await loop.stop(closeWaitMs / 2)
    },
    close: async () => {
      window.close()
      endSaving()
      await within(closeWaitMs, connection.run(forgetScript, group, pattern, ...cursors.keys())).catch(() => undefined)
    },
    idle: () => window.idle(),
    inFlight: () => window.inFlight,
  })
  return subscription
}
