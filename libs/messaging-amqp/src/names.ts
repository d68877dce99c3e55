import { createHash } from 'node:crypto'
import type { AmqpSettings } from './settings.ts'
import { isPattern } from '@armature/messaging/topic-pattern'

/** The longest name of a queue and the longest routing key: AMQP's short strings. */
export const longestNameBytes = 255

/** In a binding `#` is a wildcard. As a token of a topic it is percent-encoded, and so is a token that looks like the encoded one. */
const encodedToken = /^(?:#|%(?:25)*23)$/
const decodedToken = /^%(?:25)*23$/

const eachToken = (name: string, change: (token: string) => string): string => name.split('.').map(change).join('.')

/** The routing key of a topic: the topic itself, except for a token `#`. */
export const routingKey = (topic: string): string =>
  topic.includes('#') || topic.includes('%')
    ? eachToken(topic, (token) => (encodedToken.test(token) ? encodeURIComponent(token) : token))
    : topic

/** The inverse of `routingKey`. */
export const topicOfKey = (key: string): string =>
  key.includes('%') ? eachToken(key, (token) => (decodedToken.test(token) ? decodeURIComponent(token) : token)) : key

/** The binding key of a pattern. `*` is the same there. `>` is one token or more, so it is `*.#`: `#` alone is zero or more. */
export const bindingKey = (pattern: string): string =>
  isPattern(pattern) ? routingKey(pattern).replace(/(^|\.)>$/, '$1*.#') : routingKey(pattern)

/** A part of a name, in which `:` only separates. Names that begin with `amq.` are the broker's. */
const part = (name: string): string => name.replaceAll(/[%:]/g, encodeURIComponent).replace(/^amq\./, 'armature-amq.')

const short = (name: string): string => {
  if (Buffer.byteLength(name) <= longestNameBytes) return name
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 32)
  return `${Buffer.from(name)
    .subarray(0, 200)
    .toString()
    .replace(/\uFFFD$/, '')}~${digest}`
}

/** The queue of a group: `armature:billing:orders.*`. The pattern belongs to it, so that its bindings never change. */
export const groupQueue = ({ exchange, bind }: AmqpSettings, group: string, pattern: string): string => {
  const name = `${part(exchange)}:${part(group)}:${pattern}`
  return short(bind === undefined ? name : `${name}:${digestOf(JSON.stringify(Object.entries(bind).sort()))}`)
}

/** The queue of a subscriber without a group. */
export const temporaryQueue = ({ exchange }: AmqpSettings, pattern: string, unique: string): string =>
  short(`${part(exchange)}:temporary-${unique}:${pattern}`)

/** The queue that keeps the dead letters of a dead-letter topic: `armature:orders.eu.DLT`. */
export const deadLetterQueue = ({ exchange }: AmqpSettings, topic: string): string =>
  short(`${part(exchange)}:${topic}`)

/** The queue that holds the names of dead-letter topics. */
export const registryQueue = ({ exchange }: AmqpSettings): string => `${part(exchange)}:dead-letter-topics`

/** The exchange that names the exchange's mark (see mark.ts). */
export const markExchange = ({ exchange }: Pick<AmqpSettings, 'exchange'>): string =>
  `armature-mark:${digestOf(exchange)}`

/** The name of a mark. */
export const markOf = (settings: Pick<AmqpSettings, 'exchange'>, unique: string): string =>
  `${markExchange(settings)}:${unique}`

/**
 * The topic to which the broker dead-letters what a subscription fails to handle: the dead-letter topic of its topic. In a pattern `*` becomes
 * `any` and `>` becomes `all`.
 */
export const givenUpTopic = (pattern: string): string => {
  const topic = eachToken(pattern, (token) => (token === '*' ? 'any' : token === '>' ? 'all' : token))
  return topic.endsWith('.DLT') ? topic : `${topic}.DLT`
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12)
