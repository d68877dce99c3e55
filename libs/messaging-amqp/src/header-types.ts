import { longestNameBytes } from './names.ts'
import type { HeaderValue } from '@armature/messaging-kit/cloud-events'

/** A value of a field table as the client gives it: `{ '!': type, value }` for types that JavaScript does not have. */
export type FieldValue = string | number | boolean | object | null

/**
 * Headers of a message are text; headers of AMQP have types. This header of the message keeps the types, as in `count=int,urgent=boolean`, for when the
 * message is published again, as a dead letter for example. It also names headers of foreign messages that would become attributes of a CloudEvent
 * then.
 */
export const typesHeader = 'amqp-types'

type TypeName = 'text' | 'int' | 'double' | 'boolean' | 'timestamp' | 'bytes' | 'json'

interface Typed {
  readonly type: TypeName
  readonly value: HeaderValue
}

/** The value for a header of a message, and the type that its text alone does not have. Text has none. */
export const typedValue = (value: FieldValue): Typed => {
  switch (typeof value) {
    case 'number':
      return { type: Number.isInteger(value) ? 'int' : 'double', value }
    case 'boolean':
      return { type: 'boolean', value }
    default:
  }
  if (value instanceof Uint8Array) return { type: 'bytes', value: Buffer.from(value).toString('base64') }
  const seconds = secondsOf(value)
  if (seconds !== undefined) return { type: 'timestamp', value: new Date(seconds * 1000) }
  return { type: 'json', value: JSON.stringify(value, withoutBytes) }
}

/** The seconds of a timestamp; undefined where a Date cannot hold it. */
const secondsOf = (value: unknown): number | undefined => {
  const { '!': type, value: seconds } = (value ?? {}) as { '!'?: unknown; value?: unknown }
  return type === 'timestamp' && typeof seconds === 'number' && seconds <= 8.64e12 ? seconds : undefined
}

/** Bytes within tables: JSON has none, and Buffer's own form is ten times as long. */
const withoutBytes = (_name: string, value: unknown): unknown =>
  isBufferJson(value) ? Buffer.from(value.data).toString('base64') : value

const isBufferJson = (value: unknown): value is { data: number[] } =>
  typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer' && 'data' in value

/** The value of the header `typesHeader`. */
export const typesText = (types: readonly (readonly [name: string, type: TypeName])[]): string =>
  types.map(([name, type]) => `${encodeURIComponent(name)}=${type}`).join(',')

/** The inverse of `typesText`; parts that are none are left out. */
export const typesIn = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text.split(',').flatMap((part) => {
      const [name = '', type = ''] = part.split('=')
      try {
        return [[decodeURIComponent(name), type] as const]
      } catch {
        return []
      }
    }),
  )

/** The text of a header in its type again; as text where it is no value of the type. */
export const valueOfType = (text: string, type: string): FieldValue => {
  switch (type) {
    case 'int':
      return /^-?\d{1,15}$/.test(text) ? Number(text) : text
    case 'double':
      return text.trim() !== '' && Number.isFinite(Number(text)) ? { '!': 'double', value: Number(text) } : text
    case 'boolean':
      return text === 'true' || text === 'false' ? text === 'true' : text
    case 'timestamp': {
      const ms = Date.parse(text)
      return ms >= 0 ? { '!': 'timestamp', value: Math.floor(ms / 1000) } : text
    }
    case 'bytes':
      return /^[A-Za-z\d+/]*={0,2}$/.test(text) ? Buffer.from(text, 'base64') : text
    case 'json':
      return parsed(text)
    default:
      return text
  }
}

const parsed = (text: string): FieldValue => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && isField(value, 0) ? value : text
  } catch {
    return text
  }
}

const deepestTables = 64

/** Whether the client can write it: it throws for what is not, and the message could never be published on. */
const isField = (value: unknown, depth: number): boolean => {
  if (typeof value === 'number') return Number.isInteger(value) ? value >= -(2 ** 63) : Math.abs(value) < 2 ** 50
  if (typeof value !== 'object' || value === null) return value !== undefined
  if (depth >= deepestTables) return false
  if (Array.isArray(value)) return value.every((each) => isField(each, depth + 1))
  if (Object.hasOwn(value, '!')) return isTagged(value as { '!': unknown; value?: unknown })
  return Object.entries(value).every(
    ([name, each]) => Buffer.byteLength(name) <= longestNameBytes && isField(each, depth + 1),
  )
}

/** The types that the client gives with a tag. */
const isTagged = ({ '!': type, value }: { '!': unknown; value?: unknown }): boolean => {
  if (type === 'timestamp') return isWithin(value, 2 ** 64 - 2 ** 11)
  if (type !== 'decimal' || typeof value !== 'object' || value === null) return false
  const { places, digits } = value as { places?: unknown; digits?: unknown }
  return isWithin(places, 255) && isWithin(digits, 2 ** 32 - 1)
}

const isWithin = (value: unknown, most: number): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most
