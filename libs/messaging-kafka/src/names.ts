import { TopicError } from '@armature/messaging/errors'

/**
 * Kafka's topics hold A to Z, a to z, 0 to 9, dot, underscore and hyphen. Another character is written `_x` and two upper-case hexadecimal
 * digits for each byte of its UTF-8; so is the underscore of what would look like that.
 */
const outside = /[^A-Za-z0-9._-]|_(?=x[0-9A-F]{2})/gu

const longestName = 249

/** The name that Kafka knows the topic by. Throws TopicError where it gets too long. */
export const kafkaName = (topic: string): string => {
  const name = topic.replaceAll(outside, (character) =>
    [...Buffer.from(character)].map((byte) => `_x${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )
  if (name.length <= longestName) return name
  throw new TopicError(
    topic,
    `the topic is ${name.length} characters long as Kafka writes it: use ${longestName} or fewer, of A-Z a-z 0-9 . _ -`,
  )
}

/** The inverse; a name that is not written so, as another program may have made it, stays as it is. */
export const topicOf = (name: string): string => {
  if (!name.includes('_x')) return name
  const topic = name.replaceAll(/(?:_x[0-9A-F]{2})+/g, (written) =>
    Buffer.from(written.replaceAll('_x', ''), 'hex').toString(),
  )
  return kafkaName(topic) === name ? topic : name
}
