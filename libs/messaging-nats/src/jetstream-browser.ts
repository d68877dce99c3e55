import type { JetStreamManager, StoredMsg, StreamInfo } from '@nats-io/jetstream'
import { ConnectError } from '@armature/messaging/errors'
import { apiCode, apiErrors, unlessCode } from './jetstream-faults.ts'
import type { Streams } from './jetstream-streams.ts'
import { checkSubject, decodeMessage, isReserved } from './codec.ts'
import type { Connection } from './connection.ts'
import type { StoredMessage, TopicBrowser } from '@armature/messaging/topic-browser'
import { checkTopic } from '@armature/messaging/topic-pattern'

export interface BrowserParts {
  readonly connection: Connection
  readonly jsm: JetStreamManager
  readonly streams: Streams
  readonly connectWaitMs: number
}

/** The data by which `remove` finds a message. */
interface Handle {
  readonly stream: string
  /** When the stream was made. In a stream that was made anew the sequence is another message's. */
  readonly created: string
  readonly sequence: number
  /** A stream that was restored from a backup has other messages in the same places. */
  readonly storedAtMs: number
}

const alreadyGone: ReadonlySet<number | undefined> = new Set([apiErrors.noMessage, apiErrors.noSequence])

/** Browses streams by sequence, without a consumer. */
export const jetstreamBrowser = ({ connection, jsm, streams, connectWaitMs }: BrowserParts): TopicBrowser => {
  const ready = async () => {
    try {
      await connection.whenConnected(connectWaitMs)
    } catch (cause) {
      throw new ConnectError('unavailable', `jetstream: ${(cause as Error).message}`, { cause })
    }
  }

  /** The stream that stores the topic, when it was made, and its last sequence now. */
  const where = async (topic: string) => {
    checkTopic(topic)
    checkSubject(topic)
    await ready()
    const [stream] = await streams.matching(topic)
    const info = stream === undefined ? undefined : await infoOf(stream)
    return info && { stream: info.config.name, created: info.created, last: info.state.last_seq }
  }

  /** Undefined where there is no such stream: somebody may delete one that was just listed. */
  const infoOf = (stream: string, options?: { readonly subjects_filter: string }): Promise<StreamInfo | undefined> =>
    unlessCode(jsm.streams.info(stream, options), [apiErrors.noStream], undefined)

  return {
    topics: async () => {
      await ready()
      const topics: string[] = []
      for (const stream of await streams.matching('>')) {
        const info = await infoOf(stream, { subjects_filter: '>' })
        topics.push(...Object.keys(info?.state.subjects ?? {}).filter((subject) => !isReserved(subject)))
      }
      return topics.sort()
    },

    async *browse(topic, { max, signal }) {
      const place = await where(topic)
      if (place === undefined) return
      const { stream, created, last } = place
      let next = 1
      for (let count = 0; count < max && next <= last && signal?.aborted !== true; count++) {
        const stored = await jsm.streams.getMessage(stream, { seq: next, next_by_subj: topic } as { seq: number })
        if (stored === null || stored.seq > last) return
        next = stored.seq + 1
        yield storedMessage(stream, created, stored)
      }
    },

    remove: async (topic, held) => {
      checkTopic(topic)
      await ready()
      const lives = new Map<string, string | undefined>()
      const createdOf = async (stream: string) => {
        if (!lives.has(stream)) lives.set(stream, (await infoOf(stream))?.created)
        return lives.get(stream)
      }
      for (const { handle } of held) {
        const { stream, created, sequence, storedAtMs } = handle as Handle
        // It is gone with its stream; what has its sequence now is another message.
        if ((await createdOf(stream)) !== created) continue
        const stored = await jsm.streams.getMessage(stream, { seq: sequence })
        if (stored?.time.getTime() !== storedAtMs) continue
        await jsm.streams.deleteMessage(stream, sequence, false).catch((error: unknown) => {
          if (!alreadyGone.has(apiCode(error))) throw error
        })
      }
    },
  }
}

/** Its headers are read when they are asked for: odd ones make one message undecodable, and end no walk. */
const contentsOf = (stored: StoredMsg) => ({
  msg: stored,
  data: stored.data,
  get headers() {
    return stored.header
  },
})

/** A stored message, as a delivery of it would be decoded. */
export const storedMessage = (stream: string, created: string, stored: StoredMsg): StoredMessage => {
  const { subject, seq, time } = stored
  const handle: Handle = { stream, created, sequence: seq, storedAtMs: time.getTime() }
  const origin = { topic: subject, receivedAt: time, fallbackId: `${subject}+0+${seq}` }
  const { message } = decodeMessage(contentsOf(stored), origin)
  return { ...message, storedAt: time, position: { partition: 0, offset: seq }, handle }
}
