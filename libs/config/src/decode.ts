import * as z from 'zod'
import { alternatives, fixedValues, hasCommas, itemOf, kindOf } from './schema.ts'

/** Text read for a schema: the value, or what is wrong with the text. The value is still to be validated. */
export type Decoded = { readonly value: unknown } | { readonly problem: string }

/** Reads one text as the schema wants it. A list has commas between its items, where its meta allows that, or is a JSON array. */
export const decode = (schema: z.core.$ZodType, text: string): Decoded => {
  switch (kindOf(schema)) {
    case 'number':
      return decimalNumber.test(text.trim()) ? { value: Number(text) } : { problem: 'is not a number' }
    case 'toggle':
      return decodeToggle(text)
    case 'json':
      return parseJson(text)
    case 'list':
      return text.trimStart().startsWith('[')
        ? parseJson(text)
        : decodeItems(schema, hasCommas(schema) ? splitList(text) : [text])
    case 'text':
      return decodeText(schema, text)
  }
}

/** Reads the texts of a repeated flag as one list; each may itself be a list. */
export const decodeList = (schema: z.core.$ZodType, texts: readonly string[]): Decoded => {
  const values: unknown[] = []
  for (const text of texts) {
    const decoded = decode(schema, text)
    if ('problem' in decoded) return decoded
    if (Array.isArray(decoded.value)) values.push(...(decoded.value as unknown[]))
    else values.push(decoded.value)
  }
  return { value: values }
}

/** Text as it is, unless the schema has fixed values that are no strings or is a union whose first fitting part is none. */
const decodeText = (schema: z.core.$ZodType, text: string): Decoded => {
  const fixed = fixedValues(schema)?.find((value) => String(value) === text)
  if (fixed !== undefined) return { value: fixed }
  for (const alternative of alternatives(schema)) {
    const decoded = decode(alternative, text)
    if ('value' in decoded && z.safeParse(alternative, decoded.value).success) return decoded
  }
  return { value: text }
}

const decimalNumber = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

const toggles: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['yes', true],
  ['on', true],
  ['false', false],
  ['0', false],
  ['no', false],
  ['off', false],
])

const decodeToggle = (text: string): Decoded => {
  const value = toggles.get(text.trim().toLowerCase())
  return value === undefined ? { problem: 'is neither true nor false' } : { value }
}

const splitList = (text: string): readonly string[] =>
  text.trim() === '' ? [] : text.split(',').map((item) => item.trim())

const decodeItems = (schema: z.core.$ZodType, texts: readonly string[]): Decoded => {
  const values: unknown[] = []
  for (const text of texts) {
    const decoded = decode(itemOf(schema), text)
    if ('problem' in decoded) return { problem: `has an item that ${decoded.problem}` }
    values.push(decoded.value)
  }
  return { value: values }
}

/**
 * JSON without the key `__proto__` at any depth, which could change what code sees that copies the value. The problem says
 * where the text is broken and never quotes it, since it may hold a secret.
 */
export const parseJson = (text: string): Decoded => {
  let harmful = false
  try {
    const value: unknown = JSON.parse(text, (key, inner: unknown) => {
      harmful ||= key === '__proto__'
      return inner
    })
    return harmful ? { problem: 'has the key "__proto__", which is never accepted' } : { value }
  } catch (error) {
    const where = /\(line \d+ column \d+\)|at position \d+/.exec(String(error))?.[0]
    return { problem: where === undefined ? 'is not valid JSON' : `is not valid JSON ${where}` }
  }
}
