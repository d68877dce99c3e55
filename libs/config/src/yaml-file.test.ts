import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { duration } from './duration.ts'
import { problemLine, readYaml } from './yaml-file.ts'

const shape = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('circle'), radius: z.number(), fill: z.enum(['solid', 'dotted']).optional() }),
  z
    .strictObject({ kind: z.literal('square'), side: z.number(), turn: duration().optional() })
    .transform(({ side, ...rest }) => ({ ...rest, area: side * side })),
])
const schema = z.strictObject({ shapes: z.array(shape), names: z.record(z.string(), shape).optional() })

const problemsOf = (source: string) => readYaml(source, { schema }).problems.map((each) => problemLine('f.yaml', each))

describe('a file that fits', () => {
  test('of YAML or of JSON has its value', () => {
    const value = { shapes: [{ kind: 'square', area: 9, turn: 60_000 }] }
    expect(readYaml('shapes:\n  - {kind: square, side: 3, turn: 1m}\n', { schema })).toEqual({ value, problems: [] })
    expect(readYaml('{"shapes":[{"kind":"square","side":3,"turn":"1m"}]}', { schema }).value).toEqual(value)
  })

  test('may have warnings; a finding that is none takes the value away', () => {
    const read = (isWarning: boolean) =>
      readYaml('shapes: []', { schema, inspect: () => [{ path: ['shapes'], text: 'is empty', isWarning }] })
    expect(read(true)).toMatchObject({ value: { shapes: [] }, problems: [{ line: 1, column: 9, isWarning: true }] })
    expect(read(false).value).toBeUndefined()
  })
})

test.each([
  [
    'shapes:\n  - {kind: circel, radius: 1}',
    'f.yaml:2:12: error: shapes[0].kind is none of circle, square: did you mean circle?',
  ],
  [
    'shapes:\n  - {kind: square, side: 1, sied: 2}',
    'f.yaml:2:29: error: shapes[0].sied is no key here: did you mean side?',
  ],
  [
    'shapes:\n  - {kind: circle, radius: 1, sied: 2}',
    'f.yaml:2:31: error: shapes[0].sied is no key here: did you mean kind?',
  ],
  ['shapes: [{radius: 1}]', 'f.yaml:1:10: error: shapes[0].kind is missing'],
  ['shapes: [{kind: circle}]', 'f.yaml:1:10: error: shapes[0].radius is missing'],
  [
    'shapes: [{kind: circle, radius: 1, fill: doted}]',
    'f.yaml:1:42: error: shapes[0].fill is none of solid, dotted: did you mean dotted?',
  ],
  [
    'shapes: []\nnames:\n  a: {kind: square, side: 1, tern: 1m}',
    'f.yaml:3:30: error: names.a.tern is no key here: did you mean turn?',
  ],
  [
    'shapes: [{kind: square, side: 1, turn: 1 minute}]',
    'f.yaml:1:40: error: shapes[0].turn is no duration: write 30s, 5m or 1h30m',
  ],
  [
    'shapes: []\nnames: {__proto__: {kind: square, side: 1}}',
    'f.yaml:2:20: error: names.__proto__ is a key that is never accepted',
  ],
  [
    'shapes: [&a {kind: square, side: 1}, *a, {"__proto__": 1}]',
    'f.yaml:1:56: error: shapes[2].__proto__ is a key that is never accepted',
  ],
  ['shape: []', 'f.yaml:1:1: error: shape is no key here: did you mean shapes?'],
])('%s', (source, line) => {
  expect(problemsOf(source)[0]).toBe(line)
})

test('a text that is too long is not parsed', () => {
  expect(readYaml('#'.repeat(11), { schema, maxBytes: 10 }).problems).toMatchObject([
    { text: 'is longer than 10 bytes' },
  ])
})
