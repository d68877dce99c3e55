import { isDeadLetterTopic } from '@armature/messaging/dead-letter'
import { PublishError } from '@armature/messaging/errors'
import type { RedisClient } from './commands.ts'
import { readerPrefix, type StreamsConnection } from './streams-connection.ts'
import { call, registerScript, trimScript } from './streams-scripts.ts'

/** The known free capacity of one stream. */
interface StreamRoom {
  /** Messages that may be added before the server is asked again. */
  left: number
  askedAtMs: number
  reservedAtMs: number
  /** The number of the connection over which the topic was registered. */
  connect: number
  asking: Promise<void> | undefined
}

/** Keeps streams within `maxMessages`, and their topics registered. */
export interface StreamsCapacity {
  /** Reserves room for all of `count` messages where it is known to be there. Answers whether it is. */
  tryReserve(topic: string, count: number): boolean
  /**
   * Resolves with how many of `count` messages may be sent now: at least one. Waits for room until `deadlineMs`, by performance.now(), then
   * rejects with PublishError (`full`). Rejects with the error of the client or the server.
   */
  reserve(topic: string, count: number, deadlineMs: number, client: RedisClient): Promise<number>
  /** Heeds the server's signals no more. */
  close(): void
}

const maxReservedMessages = 1_000
const askAgainMs = 1_000
const pollMs = 50

/** The capacity of the streams that one driver publishes to. `maxMessages` is the bound of each stream. */
export const streamsCapacity = (connection: StreamsConnection, maxMessages: number): StreamsCapacity => {
  const rooms = new Map<string, StreamRoom>()

  /** Topics are registered whenever room is asked for. An emptied server lacks those that were published to since. */
  const endSignals = connection.signals.onEmptied(async () => {
    const sinceMs = performance.now() - 2 * askAgainMs
    for (const [topic, room] of rooms) {
      room.left = 0
      if (room.reservedAtMs > sinceMs) await connection.run(registerScript, topic)
    }
  })

  const roomOf = (topic: string): StreamRoom => {
    const known = rooms.get(topic)
    if (known !== undefined) return known
    const room: StreamRoom = { left: 0, askedAtMs: 0, reservedAtMs: 0, connect: -1, asking: undefined }
    rooms.set(topic, room)
    return room
  }

  const hasRoom = (room: StreamRoom, count: number): boolean =>
    room.left >= count && room.connect === connection.connects && performance.now() - room.askedAtMs < askAgainMs

  /** Registers the topic, cuts off settled messages where the bound is near, and asks how much room there is. */
  const ask = async (topic: string, room: StreamRoom, client: RedisClient): Promise<void> => {
    const { connects, prefix } = connection
    const run = <Reply>(script: string, ...args: string[]) =>
      client.sendCommand<Reply>([...call(script, prefix, topic, ...args)])
    await run(registerScript)
    const keeps = isDeadLetterTopic(topic) ? '1' : '0'
    const [length, holder] = await run<[number, string]>(trimScript, String(maxMessages), keeps, readerPrefix)
    room.connect = connects
    room.askedAtMs = performance.now()
    const free = maxMessages - length
    // Other publishers see the same room, so that each reserves a part of it, at least one message.
    room.left = Math.min(free, maxReservedMessages, Math.max(1, Math.floor(free / 8)))
    if (free <= 0) throw full(topic, maxMessages, holder)
  }

  const waitForRoom = async (topic: string, room: StreamRoom, deadlineMs: number, client: RedisClient) => {
    do {
      try {
        await (room.asking ??= ask(topic, room, client).finally(() => (room.asking = undefined)))
      } catch (error) {
        const isFull = error instanceof PublishError
        if (!isFull || performance.now() + pollMs > deadlineMs || connection.isClosed) throw error
        await new Promise((resolve) => setTimeout(resolve, pollMs))
      }
    } while (room.left <= 0)
  }

  const take = (room: StreamRoom, count: number): number => {
    const taken = Math.min(count, room.left)
    room.left -= taken
    room.reservedAtMs = performance.now()
    return taken
  }

  return {
    tryReserve: (topic, count) => {
      const room = roomOf(topic)
      if (!hasRoom(room, count)) return false
      take(room, count)
      return true
    },
    reserve: async (topic, count, deadlineMs, client) => {
      const room = roomOf(topic)
      if (!hasRoom(room, count)) await waitForRoom(topic, room, deadlineMs, client)
      return take(room, count)
    },
    close: endSignals,
  }
}

const full = (topic: string, maxMessages: number, holder: string): PublishError => {
  const why = holder === '' ? '' : `; the group ${JSON.stringify(holder)} has yet to settle the oldest`
  return new PublishError(`the stream holds ${maxMessages} messages, its bound (maxMessages)${why}`, {
    topic,
    fault: 'full',
  })
}
