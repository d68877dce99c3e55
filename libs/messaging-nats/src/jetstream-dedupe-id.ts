import { isDeadLetterTopic } from '@armature/messaging/dead-letter'
import { redrivesOf } from '@armature/messaging/dead-letter-envelope'
import { percentEncoded } from '@armature/messaging/header-encoding'
import { contentsDigest, identityOf } from '@armature/messaging/identity'
import type { Message } from '@armature/messaging/message'

/**
 * The id by which a stream recognises a repeat, within its window. It is of the message's identity and contents: a message that reuses the
 * identity of another is no repeat, and must not be lost for one. It is of the topic too, since a stream has many topics and a message that
 * goes on to another topic, or to its dead letters, keeps its identity. And it is of the redrives and the group of a dead letter: a letter
 * that is published again is no repeat, and neither is the letter of another group.
 */
export const dedupeId = (topic: string, message: Message, source: string): string => {
  const { headers } = message
  const redrives = redrivesOf(headers)
  const group = isDeadLetterTopic(topic) ? (headers['kafka_dlt-original-consumer-group'] ?? '') : ''
  const way = redrives === 0 && group === '' ? [] : [String(redrives), group]
  return percentEncoded([topic, identityOf(message, source), contentsDigest(message), ...way].join(' '))
}
