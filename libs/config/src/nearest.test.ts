import { expect, test } from 'vitest'
import { nearest } from './nearest.ts'

const flags = ['--grpc-port', '--http-port', '--log-level', '--topics']

test.each([
  ['--grpc-prot', '--grpc-port'],
  ['--grpcPort', '--grpc-port'],
  ['--GRPC-PORT', '--grpc-port'],
  ['--loglevel', '--log-level'],
  ['--topic', '--topics'],
  ['--log', '--log-level'],
])('%s means %s', (word, expected) => {
  expect(nearest(word, flags)).toBe(expected)
})

test.each(['--nothing-like-it', '--x', ''])('%j means none', (word) => {
  expect(nearest(word, flags)).toBeUndefined()
})

test('a very long word is compared by its beginning only', () => {
  expect(nearest('x'.repeat(1_000_000), flags)).toBeUndefined()
})
