import { TopicError } from './errors.ts'

/**
 * Topics are tokens separated by dots. A pattern may hold the wildcards of NATS subjects
 * (https://docs.nats.io/nats-concepts/subjects): `*` stands for exactly one token, a last `>` for one or more.
 */

/** In UTF-8. The shortest limit of the brokers: Kafka's 249 characters, less the four of `.DLT`. */
export const longestTopicBytes = 245

/** Characters that no topic may hold: white space, control characters, the wildcards. Lone surrogates have no UTF-8. */
const forbidden = /[\s\p{Cc}\p{Cs}*>]/u
/** The same, for all that there are. */
export const notInTopics = new RegExp(forbidden, 'gu')

const checkLength = (topic: string, longestBytes: number) => {
  if (topic === '') throw new TopicError(topic, 'the topic is empty: name one, as in "logs.search"')
  // A UTF-16 unit takes at most three bytes.
  if (topic.length * 3 <= longestBytes) return
  const bytes = Buffer.byteLength(topic)
  if (bytes > longestBytes) {
    throw new TopicError(topic, `the topic has ${bytes} bytes: use ${longestBytes} or fewer`)
  }
}

const checkToken = (topic: string, token: string) => {
  if (token === '') {
    throw new TopicError(topic, `${JSON.stringify(topic)} has an empty token: remove the leading, last or double dot`)
  }
  const found = forbidden.exec(token)?.[0]
  if (found === '*' || found === '>') {
    throw new TopicError(
      topic,
      `${JSON.stringify(topic)} holds the wildcard ${found} where a name must be: name the topic`,
    )
  }
  if (found !== undefined) {
    throw new TopicError(topic, `${JSON.stringify(topic)} holds ${JSON.stringify(found)}: use letters, digits, - and _`)
  }
}

const deadLetterSuffix = '.DLT'

/** Throws TopicError unless messages can be published to `topic`. */
export const checkTopic = (topic: string): void => {
  const longest = longestTopicBytes + (topic.endsWith(deadLetterSuffix) ? deadLetterSuffix.length : 0)
  checkLength(topic, longest)
  for (const token of topic.split('.')) checkToken(topic, token)
}

/** Throws TopicError unless `pattern` is a topic or one with wildcards in the places of whole tokens. */
export const checkPattern = (pattern: string): void => {
  checkLength(pattern, longestTopicBytes + deadLetterSuffix.length)
  const tokens = pattern.split('.')
  for (const [index, token] of tokens.entries()) {
    const wildcard = token === '*' || (token === '>' && index === tokens.length - 1)
    if (wildcard) continue
    if (token === '>') {
      throw new TopicError(pattern, `${JSON.stringify(pattern)} goes on after >: it can only be the last token`)
    }
    checkToken(pattern, token)
  }
}

/** Whether `pattern` holds a wildcard. */
export const isPattern = (pattern: string): boolean => pattern.includes('*') || pattern.includes('>')

/** Whether `topic` (checked) is one that `pattern` (checked) stands for. */
export const matches = (pattern: string, topic: string): boolean => {
  if (!isPattern(pattern)) return pattern === topic
  const tokens = topic.split('.')
  const wanted = pattern.split('.')
  for (const [index, want] of wanted.entries()) {
    const token = tokens[index]
    if (token === undefined) return false
    if (want === '>') return true
    if (want !== '*' && want !== token) return false
  }
  return tokens.length === wanted.length
}
