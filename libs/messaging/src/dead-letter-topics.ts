import { createHash } from 'node:crypto'
import { checkTopic, longestTopicBytes, notInTopics } from './topic-pattern.ts'

const suffix = '.DLT'
const quarantine = '.quarantine'

/**
 * The topic of its dead letters, whatever other programs call a topic: where it is too long or no topic of ours, what is wrong with it is cut
 * off or replaced, and a hash of the whole added.
 */
export const deadLetterTopic = (topic: string): string => `${fitting(topic, longestTopicBytes)}${suffix}`

/** Whether it is one of dead letters. */
export const isDeadLetterTopic = (topic: string): boolean => topic.endsWith(suffix)

/**
 * The topic for a dead letter of `topic` that has failed too often: `<topic>.quarantine.DLT`. It is itself a topic of dead letters, so that
 * no wildcard takes it in. A name too long for that is cut as well.
 */
export const quarantineTopic = (topic: string): string =>
  `${fitting(topic, longestTopicBytes - quarantine.length)}${quarantine}${suffix}`

/** Whether it is one of dead letters that failed too often. */
export const isQuarantineTopic = (topic: string): boolean => topic.endsWith(`${quarantine}${suffix}`)

const fitting = (topic: string, roomBytes: number): string => {
  if (Buffer.byteLength(topic) <= roomBytes && isTopic(topic)) return topic
  const hash = createHash('sha256').update(topic).digest('hex').slice(0, 16)
  let kept = topic
    .split('.')
    .map((token) => token.replaceAll(notInTopics, '_') || '_')
    .join('.')
  while (Buffer.byteLength(kept) > roomBytes - hash.length - 1) kept = kept.slice(0, -1)
  return `${kept.replace(/[.\p{Cs}]+$/u, '')}-${hash}`
}

const isTopic = (topic: string): boolean => {
  try {
    checkTopic(topic)
    return true
  } catch {
    return false
  }
}
