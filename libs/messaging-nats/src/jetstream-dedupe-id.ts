import { isDeadLetterTopic } from '@armature/messaging/dead-letter'
import { redrivesOf } from '@armature/messaging/dead-letter-envelope'
import { percentEncoded } from '@armature/messaging/header-encoding'
import { contentsDigest, identityOf } from '@armature/messaging/identity'
import type { Message } from '@armature/messaging/message'

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
