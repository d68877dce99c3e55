import type { JetStreamManager, StreamConfig } from '@nats-io/jetstream'
import { nanos } from '@nats-io/nats-core'
import { apiCode, apiErrors, unlessCode } from './jetstream-faults.ts'
import { advisoryStream, streamName } from './jetstream-names.ts'
import type { JetstreamSettings } from './jetstream-settings.ts'
import { isPattern } from '@armature/messaging/topic-pattern'

/** The stream that stores a topic. */
export interface TopicStream {
  readonly name: string
  /** Whether single messages may be kept longer than the stream keeps the others. */
  readonly keepsForGood: boolean
  /** Whether a message stays when its consumers have acknowledged it. */
  readonly keepsAcknowledged: boolean
}

export interface Streams {
  /** The stream that stores the topic; made where there is none. */
  storing(topic: string): Promise<TopicStream>
  /** Has `storing` ask the server again. */
  forget(topic: string): void
  /** Whether the stream of the topic still has the message of this sequence, or let go of it because it was acknowledged. */
  holds(topic: string, sequence: number): Promise<boolean>
  /** Makes the stream of the pattern's first token where that is a name and has none. */
  prepare(pattern: string): Promise<void>
  /** The streams that store topics of the pattern. */
  matching(pattern: string): Promise<readonly string[]>
}

const maxTopicsKnown = 10_000

/** Key-value buckets and object stores are no streams of topics. */
const isForeign = (name: string): boolean => /^(?:KV|OBJ)_/.test(name) || name === advisoryStream

/**
 * One stream for all topics with the same first token: `logs` stores `logs` and `logs.>`. A stream that stores the topic already is used
 * as it is; where one stores others of that token, the topic gets a stream of its own, since no two may store the same subject.
 */
export const topicStreams = (jsm: JetStreamManager, settings: JetstreamSettings): Streams => {
  const known = new Map<string, Promise<TopicStream>>()

  const config = (subjects: string[], name: string): Partial<StreamConfig> & { name: string } => ({
    name,
    subjects,
    storage: settings.storage,
    num_replicas: settings.replicas,
    max_age: nanos(settings.maxAgeMs),
    max_bytes: settings.maxBytes === 0 ? -1 : settings.maxBytes,
    // A full stream refuses messages: it drops none.
    discard: 'new',
    duplicate_window: nanos(settings.dedupeWindowMs),
    allow_msg_ttl: true,
    allow_direct: true,
    metadata: { 'armature.version': '1' },
  })

  const names = async (subject: string): Promise<string[]> => {
    const found: string[] = []
    for await (const page of jsm.streams.names(subject)) found.push(page)
    return found.filter((name) => !isForeign(name))
  }

  /** Makes a stream. Answers false where another stream has its name or one of its subjects. */
  const make = async (subjects: string[], name: string): Promise<boolean> => {
    try {
      await jsm.streams.add(config(subjects, name))
      return true
    } catch (error) {
      const code = apiCode(error)
      if (code === apiErrors.overlap || code === apiErrors.nameInUse) return false
      throw error
    }
  }

  const firstToken = (topic: string): string => topic.split('.', 1)[0] ?? topic

  const makeFor = async (topic: string): Promise<string> => {
    const token = firstToken(topic)
    if (await make([token, `${token}.>`], streamName(token))) return streamName(token)
    const [other] = await names(topic)
    if (other !== undefined) return other
    if (await make([topic], streamName(`${topic}.`))) return streamName(`${topic}.`)
    const [late] = await names(topic)
    if (late !== undefined) return late
    throw new Error(`no stream stores it, and none can be made: ${streamName(token)} has other subjects`)
  }

  const find = async (topic: string): Promise<TopicStream> => {
    const [name] = await names(topic)
    // Somebody may delete a stream that was just listed.
    const listed = name && (await unlessCode(jsm.streams.info(name), [apiErrors.noStream], undefined))
    const info = listed || (await jsm.streams.info(await makeFor(topic)))
    const { allow_msg_ttl: keepsForGood = false, retention } = info.config
    return { name: info.config.name, keepsForGood, keepsAcknowledged: retention === 'limits' }
  }

  const storing = (topic: string): Promise<TopicStream> => {
    const found = known.get(topic)
    if (found !== undefined) return found
    if (known.size >= maxTopicsKnown) known.clear()
    const asked = find(topic)
    known.set(topic, asked)
    asked.catch(() => known.delete(topic))
    return asked
  }

  return {
    storing,
    holds: async (topic, sequence) => {
      const { name, keepsAcknowledged } = await storing(topic)
      return !keepsAcknowledged || (await jsm.streams.getMessage(name, { seq: sequence })) !== null
    },
    forget: (topic) => void known.delete(topic),
    prepare: async (pattern) => {
      const token = firstToken(pattern)
      if (!isPattern(pattern)) return void (await find(pattern))
      if (isPattern(token) || (await names(pattern)).length > 0) return
      await make([token, `${token}.>`], streamName(token))
    },
    matching: names,
  }
}
