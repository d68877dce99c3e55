import type { KafkaApis } from '../src/apis.ts'
import { crc32c } from '../src/crc32c.ts'
import { internals } from '../src/client-internals.ts'

interface Definition {
  protocol(of: { readonly version: string }): (ask: object) => {
    readonly request: { encode(): Promise<{ readonly buffer: Buffer }> }
    readonly response: { decode(payload: Buffer): Promise<object> }
  }
}

/** A record as kafkajs takes it. */
export interface KafkajsRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer>>
  readonly timestamp: number
}

type ProduceAsk = Omit<KafkaApis['Produce']['ask'], 'compression' | 'topicData'> & {
  /** The number of the codec. */
  readonly compression: number
  readonly topicData: readonly {
    readonly topic: string
    readonly partitions: readonly {
      readonly partition: number
      readonly firstSequence: number
      readonly messages: readonly KafkajsRecord[]
    }[]
  }[]
}

const definitionOf = (name: string) => internals.definitionOf[name] as Definition

/** The body of a Produce request, as kafkajs encodes it. */
export const kafkajsProduce = async (ask: ProduceAsk): Promise<Buffer> =>
  (await definitionOf('Produce').protocol({ version: '7' })(ask).request.encode()).buffer

/** A batch as kafkajs encodes it. */
export const kafkajsBatch = async (messages: readonly KafkajsRecord[]): Promise<Buffer> => {
  const request = await kafkajsProduce({
    acks: -1,
    timeout: 0,
    compression: 0,
    producerId: '-1',
    producerEpoch: 0,
    topicData: [{ topic: '', partitions: [{ partition: 0, firstSequence: 0, messages }] }],
  })
  // Transaction, acks, time-out, one topic, its name, one partition, its number, the size of the batch.
  return Buffer.from(request.subarray(2 + 2 + 4 + 4 + 2 + 4 + 4 + 4))
}

/** The records of an answer to a Fetch of version 11, as kafkajs decodes it. */
export const kafkajsFetch = async (payload: Buffer): Promise<readonly KafkajsFetched[]> => {
  const answer = (await definitionOf('Fetch').protocol({ version: '11' })({ topics: [] }).response.decode(payload)) as {
    readonly responses: readonly { readonly partitions: readonly { readonly messages: readonly KafkajsFetched[] }[] }[]
  }
  return answer.responses.flatMap(({ partitions }) => partitions.flatMap(({ messages }) => messages))
}

export interface KafkajsFetched {
  readonly offset: string
  readonly timestamp: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer | readonly Buffer[]>>
}

/** Puts the right checksum into a batch that was changed, and answers the batch. */
export const withChecksum = (batch: Buffer): Buffer => {
  batch.writeUInt32BE(crc32c(batch, 21), 17)
  return batch
}

const int = (bytes: 2 | 4 | 8, value: number): Buffer => {
  const buffer = Buffer.alloc(bytes)
  if (bytes === 8) buffer.writeBigInt64BE(BigInt(value))
  else buffer.writeIntBE(value, 0, bytes)
  return buffer
}

/** An answer to a Fetch of version 11 with these batches, of partition 5 of the topic t. */
export const fetchAnswer = (
  batches: Buffer,
  aborted: readonly (readonly [producerId: number, firstOffset: number])[] = [],
): Buffer =>
  Buffer.concat([
    ...[int(4, 0), int(2, 0), int(4, 0), int(4, 1), int(2, 1), Buffer.from('t'), int(4, 1)],
    ...[int(4, 5), int(2, 0), int(8, 99), int(8, 99), int(8, 0), int(4, aborted.length)],
    ...aborted.flatMap(([producerId, firstOffset]) => [int(8, producerId), int(8, firstOffset)]),
    ...[int(4, -1), int(4, batches.length), batches],
  ])
