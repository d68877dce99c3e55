import { crc32c } from './crc32c.ts'
import type { KafkaRecord, WholeRecord } from './apis.ts'
import { codecs, compress, type PublishedCodec } from './compression.ts'
import { varintBytes, writeVarint } from './varint.ts'

/** The identity by which the broker recognises a batch that is sent again. A producer without an identity has the id -1. */
export interface BatchOrigin {
  readonly producerId: string
  readonly producerEpoch: number
  readonly firstSequence: number
}

/** The places of the fields in a batch (https://kafka.apache.org/documentation/#recordbatch). */
const at = {
  baseOffset: 0,
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  checksum: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTime: 27,
  maxTime: 35,
  producerId: 43,
  producerEpoch: 51,
  firstSequence: 53,
  count: 57,
  records: 61,
} as const
const magic = 2

/**
 * Encodes one record or more as a batch of format 2, with the times that the records have. Rejects where the codec fails. A batch that is
 * encoded again is the same, byte by byte.
 */
export const encodeBatch = async (
  records: readonly KafkaRecord[],
  codec: PublishedCodec,
  origin: BatchOrigin,
): Promise<Buffer> => {
  const plain = encodeRecords(records)
  const batch =
    codec === 'none'
      ? plain
      : Buffer.concat([plain.subarray(0, at.records), await compress(codec, plain.subarray(at.records))])
  let maxTime = records[0]?.timestamp ?? 0
  for (const { timestamp } of records) if (timestamp > maxTime) maxTime = timestamp
  // The broker gives the offsets and the epoch.
  batch.writeBigInt64BE(0n, at.baseOffset)
  batch.writeInt32BE(0, at.leaderEpoch)
  batch.writeInt32BE(batch.length - at.leaderEpoch, at.length)
  batch.writeInt8(magic, at.magic)
  batch.writeInt16BE(codecs.indexOf(codec), at.attributes)
  batch.writeInt32BE(records.length - 1, at.lastOffsetDelta)
  batch.writeBigInt64BE(int64(records[0]?.timestamp ?? 0), at.baseTime)
  batch.writeBigInt64BE(int64(maxTime), at.maxTime)
  batch.writeBigInt64BE(BigInt(origin.producerId), at.producerId)
  batch.writeInt16BE(origin.producerEpoch, at.producerEpoch)
  batch.writeInt32BE(origin.firstSequence, at.firstSequence)
  batch.writeInt32BE(records.length, at.count)
  batch.writeUInt32BE(crc32c(batch, at.attributes), at.checksum)
  return batch
}

const largest = 2n ** 63n - 1n

/** The time of a record that comes from others may be the largest int64, which a number rounds up. */
const int64 = (value: number): bigint => {
  const integer = BigInt(value)
  return integer > largest ? largest : integer
}

/** The records one after the other, with room for the head of the batch before them. */
const encodeRecords = (records: readonly KafkaRecord[]): Buffer => {
  const baseTime = records[0]?.timestamp ?? 0
  const lengths = records.map((record, offsetDelta) => recordBytes(record, record.timestamp - baseTime, offsetDelta))
  let total: number = at.records
  for (const length of lengths) total += varintBytes(length) + length
  const out = Buffer.allocUnsafe(total)
  let end: number = at.records
  for (let offsetDelta = 0; offsetDelta < records.length; offsetDelta++) {
    const record = records[offsetDelta] as KafkaRecord
    end = writeVarint(out, end, lengths[offsetDelta] ?? 0)
    // Attributes: none are defined.
    out[end++] = 0
    end = writeVarint(out, end, record.timestamp - baseTime)
    end = writeVarint(out, end, offsetDelta)
    end = record.run === undefined ? writeContent(out, end, record) : record.run.write(out, end, record.index)
  }
  return out
}

/** Without the length before it. */
const recordBytes = (record: KafkaRecord, timeDelta: number, offsetDelta: number): number => {
  const content = record.run === undefined ? contentBytes(record) : record.run.bytesOf(record.index)
  return 1 + varintBytes(timeDelta) + varintBytes(offsetDelta) + content
}

const contentBytes = ({ key, value, headers }: WholeRecord): number => bytesOf(key) + bytesOf(value) + headers.length

const writeContent = (out: Buffer, start: number, { key, value, headers }: WholeRecord): number => {
  const end = writeBytes(out, writeBytes(out, start, key), value)
  out.set(headers, end)
  return end + headers.length
}

const nullLength = -1

const bytesOf = (bytes: Buffer | null): number =>
  bytes === null ? varintBytes(nullLength) : varintBytes(bytes.length) + bytes.length

const writeBytes = (out: Buffer, start: number, bytes: Buffer | null): number => {
  if (bytes === null) return writeVarint(out, start, nullLength)
  const end = writeVarint(out, start, bytes.length)
  out.set(bytes, end)
  return end + bytes.length
}
