import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { decode, parseJson } from './decode.ts'
import { integer, list, text } from './settings.ts'

const accepted: [string, z.ZodType, string, unknown][] = [
  ['a number', z.number(), ' 1.5 ', 1.5],
  ['a signed number', z.number(), '-1e3', -1000],
  ['a defaulted number', integer().default(3), '4', 4],
  ['text that looks like a number', text(), '007', '007'],
  ['a literal number', z.literal([1, 2]), '2', 2],
  ['the first part of a union that fits', z.union([z.literal('auto'), integer()]), '5', 5],
  ['the word of a union', z.union([z.literal('auto'), integer()]), 'auto', 'auto'],
  ['an empty list', list(text()), '', []],
  ['a list of numbers', list(integer()), '1,2', [1, 2]],
  ['an item with a comma', list(text()).meta({ commas: false }), 'a=1,2', ['a=1,2']],
  ['such items', list(text()).default([]).meta({ commas: false }), '["a,b","c"]', ['a,b', 'c']],
  ['a list of toggles', list(z.boolean()), 'yes,no', [true, false]],
  ['an object', z.object({ a: z.number() }), '{"a":1}', { a: 1 }],
  ['what a transformation takes', z.string().transform(Number), '5', '5'],
  ['what a preprocessing gives', z.preprocess((value) => value, z.number()), '5', 5],
]
test.each(accepted)('reads %s', (_name, schema, given, value) => {
  expect(decode(schema, given)).toEqual({ value })
})

const rejected: [string, z.ZodType, string][] = [
  ['no number', z.number(), 'five'],
  ['an empty number', z.number(), ''],
  ['Infinity', z.number(), 'Infinity'],
  ['NaN', z.number(), 'NaN'],
  ['an octal number', z.number(), '0o7'],
  ['two numbers', z.number(), '1 2'],
  ['no toggle', z.boolean(), 'ja'],
  ['a list with a broken item', list(integer()), '1,x'],
  ['broken JSON', z.object({}), '{'],
]
test.each(rejected)('refuses %s', (_name, schema, given) => {
  expect(decode(schema, given)).toHaveProperty('problem')
})

describe('JSON', () => {
  test('says where it is broken and quotes nothing', () => {
    const decoded = parseJson('{"a": 1,\n "b": secret}')
    expect(decoded).toHaveProperty('problem', expect.stringMatching(/^is not valid JSON/))
    expect(JSON.stringify(decoded)).not.toContain('secret')
  })

  test.each(['{"__proto__":1}', '[{"a":{"__proto__":{}}}]', '{"\\u005f_proto__":1}'])('refuses %s', (given) => {
    expect(parseJson(given)).toHaveProperty('problem')
  })

  test('takes the text __proto__ as a value', () => {
    expect(parseJson('{"a":"__proto__"}')).toEqual({ value: { a: '__proto__' } })
  })
})
