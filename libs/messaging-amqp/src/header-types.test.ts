import { expect, test } from 'vitest'
import { typedValue, typesIn, typesText, valueOfType } from './header-types.ts'

const values = [
  7,
  -1.5,
  true,
  { '!': 'timestamp', value: 1_700_000_000 },
  Buffer.from([0, 255]),
  ['a', { b: 1, at: { '!': 'timestamp', value: 5 } }],
  null,
]

test.each(values)('%j is text, and itself again', (value) => {
  const { type, value: shown } = typedValue(value)
  const text = shown instanceof Date ? shown.toISOString() : String(shown)
  const again = valueOfType(text, type)
  expect(again).toEqual(type === 'double' ? { '!': 'double', value } : value)
})

test.each([
  ['int', '9999999999999999'],
  ['int', 'x'],
  ['boolean', 'yes'],
  ['double', ''],
  ['timestamp', 'never'],
  ['bytes', '%'],
  ['json', '{'],
  ['unknown', 'x'],
])('what is no %s stays the text %j', (type, text) => expect(valueOfType(text, type)).toBe(text))

test('the list of types holds any name', () => {
  const types = [
    ['a', 'int'],
    ['odd, name=', 'json'],
  ] as const
  expect([...typesIn(typesText(types))]).toEqual(types)
  expect([...typesIn('%,b=int')].map(([name]) => name)).toEqual(['b'])
})
