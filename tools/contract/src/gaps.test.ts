import { Ajv } from 'ajv'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { gaps } from './gaps.ts'
import { jsonSchemaOf } from './json-schema.ts'

const between = (written: z.ZodType, read: z.ZodType) =>
  gaps(jsonSchemaOf(written, 'output'), jsonSchemaOf(read, 'input'))

const order = z.object({ id: z.string(), status: z.enum(['new', 'paid']), cents: z.int().min(0) })

test.each<[string, z.ZodType, z.ZodType]>([
  ['the same', order, order],
  ['fewer members', order, z.object({ id: z.string() })],
  ['more values', order, order.extend({ status: z.enum(['new', 'paid', 'sent']) })],
  ['a member that may be absent', order, order.extend({ note: z.string().optional() })],
  ['a default', z.object({}), z.object({ severity: z.string().default('warning') })],
  ['a text for one of its values', z.object({ a: z.enum(['x', 'y']) }), z.object({ a: z.string() })],
  ['a number for an integer', z.int(), z.number()],
  ['wider bounds', z.number().min(1).max(5), z.number().min(0).max(10)],
  ['a bound that is beside', z.number().min(1), z.number().gt(0)],
  ['null as well', z.iso.datetime(), z.iso.datetime().nullable()],
  ['a longer text', z.string().min(2).max(3), z.string().min(1).max(9)],
  ['lists', z.array(z.enum(['a'])).max(3), z.array(z.string()).max(5)],
  ['a record', z.record(z.string(), z.int()), z.record(z.string(), z.number())],
  ['anything', order, z.unknown()],
  [
    'alternatives that a member tells apart',
    z.object({ kind: z.literal('a'), n: z.int() }),
    z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('a'), n: z.number() }),
      z.object({ kind: z.literal('b') }),
    ]),
  ],
])('what is written is read: %s', (_, written, read) => {
  expect(between(written, read)).toEqual([])
})

test.each<[string, z.ZodType, z.ZodType]>([
  ['cents may be absent, but is required', order.partial({ cents: true }), order],
  ['status may be "sent", but only "new" or "paid" is read', order.extend({ status: z.enum(['new', 'sent']) }), order],
  ['status may be any string, but only "new" or "paid" is read', order.extend({ status: z.string() }), order],
  ['id may be any integer, but string is read', order.extend({ id: z.int() }), order],
  ['cents has the minimum -5, but 0 is read', order.extend({ cents: z.int().min(-5) }), order],
  ['note is not read at all', order.extend({ note: z.string() }), order.strict()],
  ['a.b may be absent, but is required', z.object({ a: z.object({}) }), z.object({ a: z.object({ b: z.int() }) })],
  [
    'an item of a may be any string, but number is read',
    z.object({ a: z.array(z.string()) }),
    z.object({ a: z.array(z.number()) }),
  ],
  ['a may be any null, but string is read', z.object({ a: z.string().nullable() }), z.object({ a: z.string() })],
  ['the body may be anything, but object is read', z.unknown(), order],
  ['note may be anything, but string is read', z.looseObject({}), z.object({ note: z.string().optional() })],
  ['the body may be a text that the pattern "^b" does not take', z.string().regex(/^a/), z.string().regex(/^b/)],
  ['the body may be 0 or beyond, which is not read', z.number().min(0), z.number().gt(0)],
])('%s', (problem, written, read) => {
  expect(between(written, read)).toEqual([problem])
})

test('what cannot be compared is no proof', () => {
  expect(gaps({ type: 'string' }, { not: { const: 'x' } })).toEqual([
    'the body has not in its schema, which cannot be compared',
  ])
  expect(gaps({ type: 'integer' }, { oneOf: [{ type: 'integer' }, { type: 'number' }] })).toEqual([
    'the body has alternatives that may overlap (oneOf), which cannot be compared',
  ])
})

describe('whatever the schemas', () => {
  const scalar = fc.oneof(
    fc.constantFrom('a', 'b', 'ab', '', 0, 1, 2.5, -1, true, null),
    fc.integer({ min: -3, max: 3 }),
  )
  const leaf = fc.oneof(
    fc.record({ type: fc.constantFrom('string', 'number', 'integer', 'boolean', 'null') }),
    fc.record({ type: fc.constant('integer'), minimum: fc.nat(2) }),
    fc.record({ type: fc.constant('number'), exclusiveMaximum: fc.nat(2) }),
    fc.record({ type: fc.constant('string'), maxLength: fc.nat(2) }),
    fc.record({ enum: fc.uniqueArray(scalar, { minLength: 1, maxLength: 3 }) }),
    fc.constant({}),
  )
  const { schema } = fc.letrec<{ schema: object }>((tie) => ({
    schema: fc.oneof(
      { maxDepth: 2 },
      leaf,
      fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }) }),
      fc.record({ allOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }) }),
      fc.record({ type: fc.constant('array'), items: tie('schema'), minItems: fc.nat(1) }),
      fc.record({
        type: fc.constant('object'),
        properties: fc.dictionary(fc.constantFrom('a', 'b'), tie('schema'), { noNullPrototype: true }),
        required: fc.uniqueArray(fc.constantFrom('a', 'b')),
        additionalProperties: fc.oneof(fc.boolean(), tie('schema')),
      }),
    ),
  }))
  const value = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 2 },
      scalar,
      fc.array(tie('value'), { maxLength: 2 }),
      fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { noNullPrototype: true }),
    ),
  })).value
  const ajv = new Ajv({ strict: false })

  test('a value that is written is read, where there is no gap', () => {
    let decided = 0
    fc.assert(
      fc.property(schema, schema, fc.array(value, { minLength: 5, maxLength: 20 }), (written, read, values) => {
        if (gaps(written as never, read as never).length > 0) return
        const [isWritten, isRead] = [ajv.compile(written), ajv.compile(read)]
        const found = values.filter((each) => isWritten(each))
        decided += found.length
        expect(found.filter((each) => !isRead(each))).toEqual([])
      }),
      { numRuns: 1_000 },
    )
    expect(decided).toBeGreaterThan(20)
  })
})
