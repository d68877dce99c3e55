import fc from 'fast-check'
import { expect, test } from 'vitest'
import { contentsDigest, identityOf } from './identity.ts'
import { message } from './message.ts'

const of = (source: string | undefined, id: string, defaultSource = '/default') =>
  identityOf(message('t', '', { id, headers: source === undefined ? {} : { source } }), defaultSource)

test('is source and id together', () => {
  expect(of('/a', '1')).toBe(of('/a', '1'))
  expect(of('/a', '1')).not.toBe(of('/b', '1'))
  expect(of('/a', '1')).not.toBe(of('/a', '2'))
})

test('takes the default where no source is said', () => {
  expect(of(undefined, '1', '/a')).toBe(of('/a', '1', '/b'))
})

test('differs wherever one of the two differs, whatever characters they hold', () => {
  const text = fc.string({ unit: fc.constantFrom(' ', '1', 'a', '\n'), maxLength: 4 })
  fc.assert(
    fc.property(text, text, text, text, (source, id, otherSource, otherId) => {
      expect(of(source, id) === of(otherSource, otherId)).toBe(source === otherSource && id === otherId)
    }),
    { numRuns: 1_000 },
  )
})

test('a digest of the contents is the same in each version: sinks compare it with what they stored before', () => {
  const headers = { type: 'order', subject: 's', 'content-type': 'text/plain' }
  expect(contentsDigest(message('t', 'body', { headers }))).toBe('8IKxiSekHoj93cQPD+DS2T4W1ac=')
  expect(contentsDigest(message('t', ''))).toBe('LlqjN1E7h563G763Bwm1LBbVYFs=')
})

test('a digest differs with the body, the type and the tombstone, and not with other headers', () => {
  const digest = (body: string, headers: Record<string, string> = {}) => contentsDigest(message('t', body, { headers }))
  expect(digest('a')).toBe(digest('a', { traceparent: 'x' }))
  expect(digest('a')).not.toBe(digest('b'))
  expect(digest('a')).not.toBe(digest('a', { type: 'x' }))
  expect(contentsDigest({ ...message('t', ''), tombstone: true })).not.toBe(digest(''))
})
