import { hash } from 'node:crypto'
import type { Message } from './message.ts'

/**
 * The identity by which a repeat of a message is recognised: its source and its id together (CloudEvents 1.0, `id`). Ids of different
 * sources are different events. `defaultSource` stands for the source of a message without the header `source`. Two messages have the same
 * identity if both are equal, and only then.
 */
export const identityOf = ({ id, headers }: Pick<Message, 'id' | 'headers'>, defaultSource: string): string => {
  const source = headers['source'] ?? defaultSource
  return `${source.length} ${source} ${id}`
}

/**
 * Distinguishes messages of the same identity with different contents: those are no repeats. The digest covers the event itself. It leaves
 * out headers that describe its way, such as trace context and redrives, since they differ from one delivery to the next.
 */
export const contentsDigest = ({
  body,
  headers,
  tombstone,
}: Pick<Message, 'body' | 'headers' | 'tombstone'>): string => {
  const about = JSON.stringify([tombstone, headers['type'], headers['subject'], headers['content-type']])
  return hash('sha1', Buffer.concat([Buffer.from(about), body]), 'base64')
}
