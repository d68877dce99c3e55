import { createHash } from 'node:crypto'
import type { Position } from '@armature/messaging/position'
import type { StoredMessage } from '@armature/messaging/topic-browser'
import type { WholeRecord } from './apis.ts'
import { messageIn } from './codec.ts'
import { eachHeader, type FetchedRecord } from './fetched.ts'

/** The place of a message, and what distinguishes it from another one in that place. */
export interface KafkaHandle extends Position {
  readonly contents: string
}

/** A record as `browse` gives it. */
export const storedMessage = (topic: string, record: FetchedRecord, partition: number): StoredMessage => {
  const position = { partition, offset: record.offset }
  const handle: KafkaHandle = { ...position, contents: contentsOf(record) }
  const { message } = messageIn(record, topic, partition)
  return { ...message, storedAt: new Date(record.timestamp), position, handle }
}

/** A digest of what a record keeps when it is published again. Its time is not: the broker may set it. */
export const contentsOf = (record: FetchedRecord): string => {
  const { key, value, headers } = recordAgain(record)
  const digest = createHash('sha256')
  for (const bytes of [key, value, headers]) digest.update(`${bytes?.length ?? 'null'} `).update(bytes ?? '')
  return digest.digest('base64')
}

/** The record as it was, to be sent once more: its headers byte for byte. */
export const recordAgain = (record: FetchedRecord): WholeRecord => {
  const { key, value, headers, timestamp } = record
  const end = eachHeader(record, () => undefined)
  return { key, value, headers: headers.data.subarray(headers.at, end), timestamp }
}
