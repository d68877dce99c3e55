import type { Database } from '@armature/database/database'
import { openDatabase } from '@armature/database/open'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isJsonObject } from '../src/json-object.ts'

let database: Database
beforeAll(async () => {
  database = await openDatabase('embedded:')
}, 120_000)
afterAll(() => database?.close())

const stored = async (text: string): Promise<unknown> =>
  (await database.query<{ body: unknown }>('select $1::jsonb as body', [text])).rows[0]?.body

test('what is said to be JSON is taken by the column that the aggregator stores it in', async () => {
  const odd = fc.constantFrom('\\u0000', '\\ud83d', '\\ude00', '\\ud83d\\ude00', '\\\\', 'é', '\u2028', '')
  const number = fc
    .tuple(fc.integer(), fc.integer({ min: -200_000, max: 200_000 }))
    .map(([digits, exponent]) => `${digits}e${exponent}`)
  const depth = fc.integer({ min: 1, max: 70 })
  const line = fc.tuple(odd, odd, number, depth).map(([name, text, amount, levels]) => {
    const [open, close] = ['['.repeat(levels), ']'.repeat(levels)]
    return `{"${name}":"x${text}${text}","n":${amount},"n":1.5e300,"d":${open}${close}}`
  })
  let taken = 0
  await fc.assert(
    fc.asyncProperty(line, async (text) => {
      if (!isJsonObject(Buffer.from(text))) return
      taken += 1
      expect(await stored(text)).toBeTypeOf('object')
    }),
    { numRuns: 2_000, endOnFailure: true },
  )
  expect(taken).toBeGreaterThan(0)
})

test.each(['{"a":"\\u0000"}', '{"a":"\\ud83d"}', '{"a":1e200000}'])(
  '%s is refused there, and not said to be',
  async (text) => {
    expect(isJsonObject(Buffer.from(text))).toBe(false)
    await expect(stored(text)).rejects.toThrow()
  },
)
