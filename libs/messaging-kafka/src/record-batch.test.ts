import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fetchAnswer, kafkajsFetch, kafkajsProduce, type KafkajsRecord } from '../test/kafkajs-batch.ts'
import type { KafkaRecord } from './apis.ts'
import { codecs, publishedCodecs, type PublishedCodec } from './compression.ts'
import { decodeFetch, eachHeader, type FetchedRecord } from './fetched.ts'
import { encodeHeaders } from './headers.ts'
import { encodeProduce } from './produce.ts'
import { encodeBatch } from './record-batch.ts'

const anyBytes = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))
const anyTime = fc.oneof(
  fc.integer({ min: 1_600_000_000_000, max: 1_800_000_000_000 }),
  fc.constantFrom(-1, 0, 1, 253_402_300_800_000, 2 ** 52 - 1, -(2 ** 52)),
)
const anyRecord = fc.record({
  key: fc.option(anyBytes),
  value: fc.option(anyBytes),
  headers: fc.dictionary(fc.string({ unit: 'binary', maxLength: 40 }), anyBytes, { maxKeys: 6 }),
  timestamp: anyTime,
})
const anyRecords = fc.array(anyRecord, { minLength: 1, maxLength: 300 })

const sent = ({ key, value, headers, timestamp }: KafkajsRecord): KafkaRecord => ({
  key,
  value,
  headers: encodeHeaders(headers).data,
  timestamp,
})
const origin = { producerId: '8000000000000000001', producerEpoch: 3, firstSequence: 2 ** 31 - 1 }
const encoded = (records: readonly KafkajsRecord[], codec: PublishedCodec = 'none') =>
  encodeBatch(records.map(sent), codec, origin)

const received = (record: FetchedRecord, index: number): KafkajsRecord => {
  expect(record.offset).toBe(index)
  const headers: [string, Buffer][] = []
  eachHeader(record, (name, start, end, data) => headers.push([name, Buffer.from(data.subarray(start, end))]))
  const { key, value, timestamp } = record
  return { key, value, headers: Object.fromEntries(headers), timestamp }
}

test.each(publishedCodecs)('what is encoded is decoded equal, compressed by %s', async (codec) => {
  const check = async (records: readonly KafkajsRecord[]) => {
    const { partitions } = await decodeFetch(fetchAnswer(await encoded(records, codec)))
    const [{ problem, next, records: got } = { problem: undefined, next: undefined, records: [] }] = partitions
    expect(problem).toBeUndefined()
    expect(next).toBe(records.length)
    expect(got.map(received)).toEqual(records)
  }
  await fc.assert(fc.asyncProperty(anyRecords, check))
})

test.each(['none', 'gzip'] as const)('kafkajs decodes it equal, compressed by %s', async (codec) => {
  const check = async (records: readonly KafkajsRecord[]) => {
    // kafkajs takes headers of these names for repeated ones.
    fc.pre(!records.some(({ headers }) => Object.keys(headers).some((name) => name in Object.prototype)))
    const got = await kafkajsFetch(fetchAnswer(await encoded(records, codec)))
    expect(got.map(({ key, value, headers, timestamp }) => ({ key, value, headers, timestamp }))).toEqual(
      records.map((record) => ({ ...record, timestamp: String(record.timestamp) })),
    )
  }
  await fc.assert(fc.asyncProperty(anyRecords, check))
})

/** kafkajs sorts times as texts, and takes 0 for none: its base is the first record's where they have as many digits and none is earlier. */
const risingTimes = (records: readonly KafkajsRecord[]): KafkajsRecord[] =>
  records.map((record, index) => ({ ...record, timestamp: 1_700_000_000_000 + index * 3 }))

test.each(['none', 'gzip'] as const)(
  'a request has the bytes of the one of kafkajs, compressed by %s',
  async (codec) => {
    const anyTopic = fc.record({
      topic: fc.string({ unit: 'binary', maxLength: 30 }),
      partitions: fc.array(
        fc.record({
          partition: fc.nat(1_000),
          firstSequence: fc.nat(2 ** 31 - 1),
          messages: anyRecords.map(risingTimes),
        }),
        { maxLength: 3 },
      ),
    })
    const anyAsk = fc.record({
      acks: fc.constant(-1 as const),
      timeout: fc.nat(2 ** 31 - 1),
      producerId: fc.bigInt({ min: -1n, max: 2n ** 63n - 1n }).map(String),
      producerEpoch: fc.integer({ min: 0, max: 2 ** 15 - 1 }),
      topicData: fc.array(anyTopic, { maxLength: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(anyAsk, async (ask) => {
        const topicData = ask.topicData.map(({ topic, partitions }) => ({
          topic,
          partitions: partitions.map((each) => ({ ...each, messages: each.messages.map(sent) })),
        }))
        const parts = await encodeProduce({ ...ask, compression: codec, topicData })
        expect(parts.map(({ length }) => length)).not.toContain(0)
        const own = Buffer.concat(parts)
        expect(own.equals(await kafkajsProduce({ ...ask, compression: codecs.indexOf(codec) }))).toBe(true)
      }),
      { numRuns: 50 },
    )
  },
)

/** Bit by bit (RFC 9260, appendix A), over all that follows the checksum. */
const checksumOf = (batch: Buffer): number => {
  let sum = 0xffffffff
  for (const byte of batch.subarray(21)) {
    sum ^= byte
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0x82f63b78 : 0)
  }
  return ~sum >>> 0
}

test('the checksum is that of its bytes', async () => {
  await fc.assert(
    fc.asyncProperty(anyRecords, async (records) => {
      const batch = await encoded(records)
      expect(batch.readUInt32BE(17)).toBe(checksumOf(batch))
    }),
    { numRuns: 30 },
  )
})

const record = (timestamp: number): KafkajsRecord => ({ key: null, value: null, headers: {}, timestamp })

test('the head of a batch has the largest time, the codec and who sent it', async () => {
  const batch = await encoded([record(1_000), record(3_000), record(-1)], 'zstd')
  expect(batch.readInt32BE(8)).toBe(batch.length - 12)
  expect([batch.readInt8(16), batch.readInt16BE(21), batch.readInt32BE(23)]).toEqual([2, 4, 2])
  expect([batch.readBigInt64BE(27), batch.readBigInt64BE(35)]).toEqual([1_000n, 3_000n])
  expect([batch.readBigInt64BE(43), batch.readInt16BE(51)]).toEqual([8000000000000000001n, 3])
  expect([batch.readInt32BE(53), batch.readInt32BE(57)]).toEqual([2 ** 31 - 1, 3])
})

test('a time that others gave, as large as an int64 can be, is encoded', async () => {
  const batch = await encoded([record(Number(2n ** 63n - 1n)), record(-1)])
  expect(batch.readBigInt64BE(35)).toBe(2n ** 63n - 1n)
  const [first, second] = await kafkajsFetch(fetchAnswer(batch))
  expect(first?.timestamp).toBe(String(2n ** 63n - 1n))
  expect(second).toBeDefined()
})

test('bug: a time in nanoseconds beside one in milliseconds was read as any other', async () => {
  const times = [1_700_000_000_000, 1_700_000_000_123_456_800, -1, 1_700_000_000_123_456_800]
  for (const rotated of times.map((_, index) => [...times.slice(index), ...times.slice(0, index)])) {
    const { partitions } = await decodeFetch(fetchAnswer(await encoded(rotated.map(record))))
    expect(partitions[0]?.records.map(({ timestamp }) => timestamp / 1_000)).toEqual(
      rotated.map((time) => expect.closeTo(time / 1_000, -2) as unknown),
    )
  }
})

test('values of all lengths around those where the length takes a byte more', async () => {
  const lengths = [0, 63, 64, 8_191, 8_192, 1_048_575, 1_048_576]
  const records = lengths.map((length) => ({ ...record(1), value: Buffer.alloc(length, 'x') }))
  const { partitions } = await decodeFetch(fetchAnswer(await encoded(records)))
  expect(partitions[0]?.records.map(({ value }) => value?.length)).toEqual(lengths)
})
