import { bodyJson, type Message } from '@armature/messaging/message'

/** The key that the messages of one group share; undefined where a message has none. */
export type Correlate = (message: Message) => string | undefined

/** Thrown for a text that says no way to correlate. */
export class CorrelationError extends Error {
  override readonly name = 'CorrelationError'
}

export const correlationForms = 'topic, key, header:NAME or json:PATH'

/**
 * `topic` (one group a topic), `key` (the message's key), `header:NAME`, or `json:PATH` (dots between the fields of a JSON
 * body). Throws CorrelationError for any other text.
 */
export const correlateBy = (text: string): Correlate => {
  if (text === 'topic') return ({ topic }) => topic
  if (text === 'key') return ({ key }) => key
  const [, form, name] = /^(header|json):(.+)$/.exec(text) ?? []
  if (name === undefined) throw new CorrelationError(`'${text}' says no way to correlate: use ${correlationForms}`)
  if (form === 'header') return ({ headers }) => own(headers, name.toLowerCase())
  const path = name.split('.')
  return (message) => {
    try {
      const value = path.reduce<unknown>(own, bodyJson(message))
      return ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : undefined
    } catch {
      return undefined
    }
  }
}

/** A field that the value itself has: never one of its prototype. */
const own = <T>(value: T, name: string): string | undefined =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, string>)[name]
    : undefined
