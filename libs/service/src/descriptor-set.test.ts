import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { filesOf, serviceName, servicesOf } from './descriptor-set.ts'

const bytes = readFileSync(join(import.meta.dirname, '../test/protos/test.binpb'))

test('the services are found by full name, with and without a package', () => {
  const services = servicesOf(bytes)
  expect(Object.keys(services).sort()).toEqual(['Plain', 'armature.test.v1.Echo'])
  for (const [name, definition] of Object.entries(services)) expect(serviceName(definition)).toBe(name)
})

test('the files are those of the set, byte for byte', () => {
  const files = filesOf(bytes)
  expect(files).toHaveLength(3)
  expect(files.reduce((sum, file) => sum + file.length, 0)).toBeLessThan(bytes.length)
  expect(Buffer.concat(files.flatMap((file) => [head(file.length), file])).equals(bytes)).toBe(true)
})

const head = (length: number): Buffer =>
  Buffer.from([0x0a, ...(length < 128 ? [length] : [(length & 0x7f) | 0x80, length >> 7])])

test('an empty set has no file', () => {
  expect(filesOf(Buffer.alloc(0))).toEqual([])
})

test.each([
  ['cut off', bytes.subarray(0, -1)],
  ['of another kind', Buffer.from('hello')],
  ['without a length', Buffer.from([0x0a])],
  ['with an endless length', Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])],
])('bytes %s are refused', (_name, broken) => {
  expect(() => filesOf(broken)).toThrow(RangeError)
})
