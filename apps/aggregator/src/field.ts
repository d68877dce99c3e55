import { bodyJson, type Message } from '@armature/messaging/message'

/** One part of a message; undefined where the message has no such part. */
export type Field = (message: Message) => unknown

/** Thrown for a text that names no part of a message. */
export class FieldError extends Error {
  override readonly name = 'FieldError'
}

export const fieldForms = 'topic, key, id, header:NAME or json:PATH'

/**
 * `topic`, `key`, `id`, `header:NAME`, or `json:PATH` (dots between the fields of a JSON body). Throws FieldError for any other text. A body
 * that is not JSON has no fields.
 */
export const fieldOf = (text: string): Field => {
  if (text === 'topic') return ({ topic }) => topic
  if (text === 'key') return ({ key }) => key
  if (text === 'id') return ({ id }) => id
  const [, form, name] = /^(header|json):(.+)$/.exec(text) ?? []
  if (name === undefined) throw new FieldError(`'${text}' names no part of a message: use ${fieldForms}`)
  if (form === 'header') return ({ headers }) => own(headers, name.toLowerCase())
  const path = name.split('.')
  return (message) => path.reduce<unknown>(own, parsedBody(message))
}

/** The field as text; undefined where it is neither a text nor a number nor true or false. */
export const textOfField = (value: unknown): string | undefined =>
  ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : undefined

/** A body is parsed once, however many fields of it are asked for. */
const parsed = new WeakMap<Uint8Array, { readonly value: unknown }>()

const parsedBody = (message: Message): unknown => {
  const known = parsed.get(message.body)
  if (known !== undefined) return known.value
  let value: unknown
  try {
    value = bodyJson(message)
  } catch {
    value = undefined
  }
  parsed.set(message.body, { value })
  return value
}

/** A field that the value itself has: never one of its prototype. */
const own = <T>(value: T, name: string): string | undefined =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, string>)[name]
    : undefined
