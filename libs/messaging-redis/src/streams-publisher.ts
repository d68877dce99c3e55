import { UnencodableError } from '@armature/messaging/cloud-event-attributes'
import { isDeadLetterTopic } from '@armature/messaging/dead-letter'
import { PublishError } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import { checkPublish } from '@armature/messaging-kit/outgoing'
import { pipelined, type RedisClient, type RedisCommand } from './connection.ts'
import { isConnectionFault } from './faults.ts'
import { encodeEntry } from './streams-codec.ts'
import { readerPrefix, type StreamsLink } from './streams-connection.ts'
import { call, registerScript, trimScript } from './streams-scripts.ts'
import { reconnectDelayMs } from '@armature/async/backoff'

export interface PublisherParts {
  readonly link: StreamsLink
  readonly source: string
  readonly maxMessageBytes: number
  /** Of one stream. */
  readonly maxMessages: number
  readonly publishWaitMs: number
}

/** A publish that waits for the end of this turn of the event loop. */
interface Call {
  readonly commands: readonly RedisCommand[]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** What is known of a stream's room. */
interface Room {
  /** Small publishes of one turn of the event loop go together. */
  calls: Call[]
  /** Messages that may be added without another look. */
  left: number
  lookedAtMs: number
  admittedAtMs: number
  /** Of the connection that made the topic known. */
  epoch: number
  looking: Promise<void> | undefined
}

const chunkMessages = 500
const mostAtOnce = 1_000
const lookAgainMs = 1_000
const roomPollMs = 50
/** Larger publishes go by themselves. */
const mostGathered = 50

/** Publishes entries: registered topics, a bound that loses nothing, and a wait for a server that is away. */
export const streamsPublisher = (parts: PublisherParts) => {
  const { link, source, maxMessageBytes, maxMessages, publishWaitMs } = parts
  const rooms = new Map<string, Room>()
  let under = 0
  let whenDone: () => void = () => undefined
  let closed = false

  /** Topics are registered at each look; of those published to since the last one nobody knows in a new life. */
  const endHeed = link.heedLife(async () => {
    const since = performance.now() - 2 * lookAgainMs
    for (const [topic, room] of rooms) {
      room.left = 0
      if (room.admittedAtMs > since) await link.run(registerScript, topic)
    }
  })

  const roomOf = (topic: string): Room => {
    const known = rooms.get(topic)
    if (known !== undefined) return known
    const room: Room = { calls: [], left: 0, lookedAtMs: 0, admittedAtMs: 0, epoch: -1, looking: undefined }
    rooms.set(topic, room)
    return room
  }

  /** Makes the topic known, cuts off what is settled where the bound is near, and asks how much room there is. */
  const look = async (topic: string, room: Room, client: RedisClient): Promise<void> => {
    const { epoch } = link
    const run = <Reply>(script: string, ...args: string[]) =>
      client.sendCommand<Reply>([...call(script, link.prefix, topic, ...args)])
    await run(registerScript)
    const keeps = isDeadLetterTopic(topic) ? '1' : '0'
    const [length, holder] = await run<[number, string]>(trimScript, String(maxMessages), keeps, readerPrefix)
    room.epoch = epoch
    room.lookedAtMs = performance.now()
    const free = maxMessages - length
    // Other publishers look at the same room: nobody takes more than a part of it, but one message.
    room.left = Math.min(free, mostAtOnce, Math.max(1, Math.floor(free / 8)))
    if (free <= 0) throw full(topic, holder)
  }

  const full = (topic: string, holder: string) =>
    new PublishError(
      `the stream holds ${maxMessages} messages, its bound (maxMessages)${holder === '' ? '' : `; the group ${JSON.stringify(holder)} has yet to settle the oldest`}`,
      { topic, fault: 'full' },
    )

  const hasRoom = (room: Room, count: number): boolean =>
    room.left >= count && room.epoch === link.epoch && performance.now() - room.lookedAtMs < lookAgainMs

  /** Resolves with how many of `count` messages may be sent now: at least one. */
  const admit = async (topic: string, count: number, deadlineMs: number, client: RedisClient): Promise<number> => {
    const room = roomOf(topic)
    if (!hasRoom(room, count)) {
      for (;;) {
        try {
          await (room.looking ??= look(topic, room, client).finally(() => (room.looking = undefined)))
          if (room.left > 0) break
        } catch (error) {
          if (!(error instanceof PublishError) || performance.now() + roomPollMs > deadlineMs || closed) throw error
          await pause(roomPollMs)
        }
      }
    }
    const admitted = Math.min(count, room.left)
    room.left -= admitted
    room.admittedAtMs = performance.now()
    return admitted
  }

  const encoded = (topic: string, messages: readonly Message[]): RedisCommand[] => {
    const key = link.prefix + topic
    return messages.map((message) => {
      try {
        return ['XADD', key, '*', ...encodeEntry(message, source)]
      } catch (cause) {
        if (!(cause instanceof UnencodableError)) throw cause
        throw new PublishError(cause.message, { topic, fault: 'bad-message', cause })
      }
    })
  }

  const send = async (topic: string, commands: readonly RedisCommand[]): Promise<void> => {
    const deadlineMs = performance.now() + publishWaitMs
    let sent = 0
    let tries = 0
    while (sent < commands.length) {
      try {
        const client = link.client ?? (await link.connected(Math.max(1, deadlineMs - performance.now())))
        const count = await admit(topic, Math.min(commands.length - sent, chunkMessages), deadlineMs, client)
        await transmit(client, commands.slice(sent, sent + count))
        sent += count
        tries = 0
      } catch (error) {
        if (error instanceof PublishError) throw error
        const waitMs = reconnectDelayMs(++tries)
        if (!isConnectionFault(error) || closed || performance.now() + waitMs > deadlineMs) throw refusal(topic, error)
        // What was under way is sent again, since nobody knows whether it is held.
        await pause(waitMs)
      }
    }
  }

  /** Many small publishes at once as one. Where that fails each goes by itself: what is at fault is not shared. */
  const flush = (topic: string, room: Room) => {
    const { calls } = room
    room.calls = []
    const [first] = calls
    const { client } = link
    const commands = calls.length === 1 && first !== undefined ? first.commands : calls.flatMap((each) => each.commands)
    const apart = () => {
      for (const { commands: own, resolve, reject } of calls) send(topic, own).then(resolve, reject)
    }
    if (client === undefined || !hasRoom(room, commands.length)) return apart()
    room.left -= commands.length
    room.admittedAtMs = performance.now()
    transmit(client, commands).then(() => {
      for (const { resolve } of calls) resolve()
    }, apart)
  }

  const gather = (topic: string, commands: readonly RedisCommand[]): Promise<void> =>
    new Promise((resolve, reject) => {
      const room = roomOf(topic)
      if (room.calls.push({ commands, resolve, reject }) === 1) queueMicrotask(() => flush(topic, room))
    })

  const refusal = (topic: string, cause: unknown): PublishError => {
    const { message } = cause as Error
    if (isConnectionFault(cause)) {
      return new PublishError(closed ? 'the connection was closed meanwhile' : message, {
        topic,
        fault: 'unavailable',
        cause,
      })
    }
    const isFull = message.startsWith('OOM')
    return new PublishError(isFull ? 'the server is at its maxmemory' : `the server refuses it: ${message}`, {
      topic,
      fault: isFull ? 'full' : 'unavailable',
      cause,
    })
  }

  return {
    publish: async (topic: string, messages: readonly Message[]): Promise<void> => {
      checkPublish(topic, messages, { maxMessageBytes, closed })
      if (messages.length === 0) return
      const commands = encoded(topic, messages)
      under++
      try {
        await (commands.length <= mostGathered ? gather(topic, commands) : send(topic, commands))
      } finally {
        if (--under === 0) whenDone()
      }
    },
    /** Refuses what is new, and resolves when what is under way has ended. */
    close: async (): Promise<void> => {
      closed = true
      endHeed()
      if (under > 0) await new Promise<void>((resolve) => (whenDone = resolve))
    },
  }
}

const transmit = (client: RedisClient, commands: readonly RedisCommand[]): Promise<unknown> => {
  const [only] = commands
  return commands.length === 1 && only !== undefined ? client.sendCommand(only) : pipelined(client, commands)
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
