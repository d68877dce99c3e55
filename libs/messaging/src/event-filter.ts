import type { Message } from './message.ts'

/** Attributes of CloudEvents and the texts that they are compared with: `{ type: 'order.created', source: '/shop' }`. */
export type EventAttributes = Readonly<Record<string, string>>

/**
 * Picks messages by their attributes, in the dialects of the CloudEvents Subscriptions API
 * (https://github.com/cloudevents/spec/blob/main/subscriptions/spec.md#324-filters). Comparisons are case-sensitive. An attribute that a message
 * lacks fits nothing.
 */
export type EventFilter =
  /** Every attribute is this text. */
  | { readonly exact: EventAttributes }
  /** Every attribute begins with this text. */
  | { readonly prefix: EventAttributes }
  /** Every attribute ends with this text. */
  | { readonly suffix: EventAttributes }
  | { readonly all: readonly EventFilter[] }
  | { readonly any: readonly EventFilter[] }
  | { readonly not: EventFilter }

/** Whether a message fits. Never throws. */
export type EventPredicate = (message: Pick<Message, 'id' | 'time' | 'headers'>) => boolean

const maxDepth = 16
const attributeName = /^[a-z0-9]{1,64}$/

const comparisons = {
  exact: (value: string, text: string) => value === text,
  prefix: (value: string, text: string) => value.startsWith(text),
  suffix: (value: string, text: string) => value.endsWith(text),
} as const

const dialects = 'exact, prefix, suffix, all, any, not'

/** The predicate of a filter. Throws RangeError, which says where, for a filter that is none. */
export const createEventFilter = (filter: EventFilter): EventPredicate => read(filter, 'filter', 0)

const read = (filter: unknown, where: string, depth: number): EventPredicate => {
  if (depth > maxDepth) throw new RangeError(`${where} is nested deeper than ${maxDepth}: write it flatter`)
  const [dialect, operand] = onlyEntry(filter, where)
  const within = `${where}.${dialect}`
  switch (dialect) {
    case 'exact':
    case 'prefix':
    case 'suffix':
      return comparison(comparisons[dialect], operand, within)
    case 'all': {
      const parts = list(operand, within, depth)
      return (message) => parts.every((part) => part(message))
    }
    case 'any': {
      const parts = list(operand, within, depth)
      return (message) => parts.some((part) => part(message))
    }
    case 'not': {
      const part = read(operand, within, depth + 1)
      return (message) => !part(message)
    }
    default:
      throw new RangeError(`${where} has the unknown dialect ${JSON.stringify(dialect)}: use one of ${dialects}`)
  }
}

const onlyEntry = (filter: unknown, where: string): readonly [string, unknown] => {
  const entries = isObject(filter) ? Object.entries(filter) : []
  const [first] = entries
  if (first === undefined || entries.length > 1) {
    throw new RangeError(`${where} must be an object with one of ${dialects}; join several by all or any`)
  }
  return first
}

const list = (operand: unknown, where: string, depth: number): readonly EventPredicate[] => {
  if (!Array.isArray(operand) || operand.length === 0) throw new RangeError(`${where} must be a list of filters`)
  return operand.map((part, index) => read(part, `${where}[${index}]`, depth + 1))
}

const comparison = (
  fits: (value: string, text: string) => boolean,
  operand: unknown,
  where: string,
): EventPredicate => {
  const attributes = isObject(operand) ? Object.entries(operand) : []
  if (attributes.length === 0)
    throw new RangeError(`${where} must be an object of attributes: { type: 'order.created' }`)
  const texts = attributes.map(([name, text]): readonly [string, string] => {
    if (!attributeName.test(name)) {
      throw new RangeError(`${where} names ${JSON.stringify(name)}: attributes have lower-case letters and digits only`)
    }
    if (typeof text !== 'string' || text === '') throw new RangeError(`${where}.${name} must be a text, not empty`)
    return [name, text]
  })
  return (message) =>
    texts.every(([name, text]) => {
      const value = attributeOf(message, name)
      return value !== undefined && fits(value, text)
    })
}

const attributeOf = ({ id, time, headers }: Parameters<EventPredicate>[0], name: string): string | undefined => {
  switch (name) {
    case 'id':
      return id
    case 'time':
      return time.toISOString()
    case 'datacontenttype':
      return headers['content-type']
    default:
      return Object.hasOwn(headers, name) ? headers[name] : undefined
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
