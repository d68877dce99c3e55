import { expect, test } from 'vitest'
import { afterIdOf, pageToken } from './page-token.ts'

const asked = { point: { lat: 48.85, lng: 2.35 }, name: 'a' }

test('a token gives back the id, for the same point and name only', () => {
  const token = pageToken('42', asked)
  expect(afterIdOf(token, { ...asked })).toBe('42')
  expect(afterIdOf(token, { point: asked.point })).toBeUndefined()
  expect(afterIdOf(token, { name: 'a' })).toBeUndefined()
  expect(afterIdOf(token, { ...asked, point: { lat: 48.85, lng: 2.36 } })).toBeUndefined()
})

test.each([
  '',
  'x',
  '1:42:',
  '__proto__',
  pageToken('-1', asked),
  pageToken("1' or '1'='1", asked),
  pageToken('9'.repeat(19), asked),
])('%j is no token', (token) => expect(afterIdOf(token, asked)).toBeUndefined())
