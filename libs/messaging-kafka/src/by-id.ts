import type { KafkaApis } from './apis.ts'
import type { WireRequest } from './client-internals.ts'
import { decodePartitions, reader, type Reader } from './fetched.ts'
import { writer, type Writer } from './writer.ts'

/**
 * The requests that tell one life of a topic from the next by its id, which kafkajs does not know: Metadata of version 10 and Fetch of
 * version 13 (https://kafka.apache.org/protocol). They are of the protocol's flexible kind: lengths are varints, and tagged fields may follow
 * each structure.
 */
const noTags = 0

/** A request whose answer is typed. */
interface ByIdRequest<Name extends 'Metadata' | 'Fetch'> extends WireRequest {
  decode(payload: Buffer): Promise<KafkaApis[Name]['answer']>
}

export const metadataApi = { key: 3, version: 10 } as const
export const fetchApi = { key: 1, version: 13 } as const

/** Asks about topics, or about all where the list is empty. */
export const metadataById = ({ topics }: KafkaApis['Metadata']['ask']): ByIdRequest<'Metadata'> => ({
  apiKey: metadataApi.key,
  apiVersion: metadataApi.version,
  apiName: 'Metadata',
  encode: async () => {
    const to = writer().uvarint(noTags)
    if (topics.length === 0) to.uvarint(0)
    else to.compactArray(topics, (topic) => to.bytes(noId).compactString(topic).uvarint(noTags))
    // Neither are topics made by it, nor what this client may do told.
    return [to.int8(0).int8(0).int8(0).uvarint(noTags).done()]
  },
  decode: async (payload) => {
    const from = answerOf(payload)
    from.int32()
    const brokers = many(from, () => {
      const [nodeId, host, port] = [from.int32(), text(from), from.int32()]
      text(from)
      skipTags(from)
      return { nodeId, host, port }
    })
    text(from)
    from.int32()
    const topicMetadata = many(from, () => {
      const [topicErrorCode, topic, topicId, isInternal] = [from.int16(), text(from), idIn(from), from.int8() === 1]
      const partitionMetadata = many(from, () => {
        const [partitionErrorCode, partitionId, leader] = [from.int16(), from.int32(), from.int32()]
        from.int32()
        for (let lists = 3; lists > 0; lists--) many(from, from.int32)
        skipTags(from)
        return { partitionErrorCode, partitionId, leader }
      })
      from.int32()
      skipTags(from)
      return { topic, topicErrorCode, topicId, isInternal, partitionMetadata }
    })
    return { brokers, topicMetadata }
  },
})

/** A Fetch request for topics that each have an id. The answer has the names of the request. */
export const fetchById = (ask: KafkaApis['Fetch']['ask']): ByIdRequest<'Fetch'> => ({
  apiKey: fetchApi.key,
  apiVersion: fetchApi.version,
  apiName: 'Fetch',
  encode: async () => {
    const to = writer().uvarint(noTags).int32(none)
    to.int32(ask.maxWaitTime).int32(ask.minBytes).int32(ask.maxBytes).int8(ask.isolationLevel)
    // No session of fetches, and nothing of one to be forgotten.
    to.int32(0).int32(none)
    to.compactArray(ask.topics, (topic) => writeTopic(to, topic)).compactArray([], () => undefined)
    return [to.compactString(ask.rackId).uvarint(noTags).done()]
  },
  decode: async (payload) => {
    const names = new Map(ask.topics.map(({ topic, topicId }) => [topicId, topic]))
    const from = answerOf(payload)
    from.int32()
    const errorCode = from.int16()
    from.int32()
    const raw = many(from, () => {
      const topic = names.get(idIn(from)) ?? ''
      const partitions = many(from, () => ({ topic, ...rawPartition(from) }))
      skipTags(from)
      return partitions
    }).flat()
    return { errorCode, partitions: await decodePartitions(raw) }
  },
})

const none = -1

const writeTopic = (to: Writer, { topicId, partitions }: KafkaApis['Fetch']['ask']['topics'][number]) =>
  to
    .bytes(Buffer.from(topicId ?? '', 'base64url'))
    .compactArray(partitions, ({ partition, fetchOffset, maxBytes }) => {
      to.int32(partition).int32(none).int64(BigInt(fetchOffset)).int32(none)
      to.int64(BigInt(none)).int32(maxBytes).uvarint(noTags)
    })
    .uvarint(noTags)

const rawPartition = (from: Reader) => {
  const [partition, errorCode] = [from.int32(), from.int16()]
  for (let ends = 3; ends > 0; ends--) from.int64()
  const aborted = many(from, () => {
    const transaction = { producerId: from.bigint(), firstOffset: from.int64() }
    skipTags(from)
    return transaction
  })
  from.int32()
  const data = from.bytes(Math.max(0, uvarint(from) - 1))
  skipTags(from)
  return { partition, errorCode, aborted, data }
}

const answerOf = (payload: Buffer): Reader => {
  const from = reader(payload)
  skipTags(from)
  return from
}

const uvarint = (from: Reader): number => {
  let value = 0
  for (let factor = 1; ; factor *= 128) {
    const byte = from.int8() & 0xff
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return value
  }
}

/** Lengths are one more than they are; 0 is null. */
const many = <Item>(from: Reader, read: () => Item): Item[] =>
  Array.from({ length: Math.max(0, uvarint(from) - 1) }, () => read())

const text = (from: Reader): string => from.bytes(Math.max(0, uvarint(from) - 1)).toString()

const skipTags = (from: Reader) => {
  for (let left = uvarint(from); left > 0; left--) {
    uvarint(from)
    from.bytes(uvarint(from))
  }
}

const noId = Buffer.alloc(16)

const idIn = (from: Reader): string | undefined => {
  const id = from.bytes(noId.length)
  return id.equals(noId) ? undefined : id.toString('base64url')
}
