import * as z from 'zod'

/** A JSON schema of draft 7. */
export type JsonSchema = Readonly<Record<string, unknown>>

/**
 * The JSON schema of what is written by a schema of zod (`output`), or of what it reads (`input`). Throws TypeError for any other object: its
 * schema is not known.
 */
export const jsonSchemaOf = (schema: object, io: 'input' | 'output'): JsonSchema => {
  if (!(schema instanceof z.ZodType)) throw new TypeError('the schema of an event is no schema of zod')
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-7', io, unrepresentable: 'any' })
  return rest
}

/** Whether two JSON values are equal; the order of keys does not count. */
export const isEqualJson = (one: unknown, other: unknown): boolean => canonical(one) === canonical(other)

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
