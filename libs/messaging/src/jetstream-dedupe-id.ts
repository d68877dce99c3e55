import { isDeadLetterTopic } from './dead-letter.ts'
import { redrivesOf } from './dead-letter-envelope.ts'
import { percentEncoded } from './header-encoding.ts'
import { contentsDigest, identityOf } from './identity.ts'
import type { Message } from './message.ts'

/**
 * What the server recognises a repeat by, within its window: the message's identity, and its contents, since a message that reuses the identity
 * of another is none and must not be lost for one. A stream holds many topics, and a message that goes on to another one, or to its dead
 * letters, stays itself: so the topic is part of it. So is the count of redrives: a dead letter that is published again is no repeat, and
 * neither is the dead letter of another group.
 */
export const dedupeId = (topic: string, message: Message, source: string): string => {
  const { headers } = message
  const redrives = redrivesOf(headers)
  const group = isDeadLetterTopic(topic) ? (headers['kafka_dlt-original-consumer-group'] ?? '') : ''
  const way = redrives === 0 && group === '' ? [] : [String(redrives), group]
  return percentEncoded([topic, identityOf(message, source), contentsDigest(message), ...way].join(' '))
}
