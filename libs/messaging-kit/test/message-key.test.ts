import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesOfSequence, byteSequence } from '@armature/messaging/byte-sequence'
import { decode, encode, styles } from '../src/testing-cloud-events.ts'
import { bytesOfKey, receivedKey, textOfKey } from '@armature/messaging/message-key'
import { message } from '@armature/messaging/message'

test.each([
  ['text', Buffer.from('klíč'), 'klíč', undefined],
  ['a byte order mark', Buffer.from('\ufeffk'), '\ufeffk', undefined],
  ['nothing', Buffer.of(), '', undefined],
  ['no UTF-8', Buffer.of(0xff, 0), ':/wA=:', 'ff00'],
  ['half a surrogate pair in CESU-8', Buffer.from('eda080', 'hex'), ':7aCA:', 'eda080'],
])('a key of %s has a text, and its bytes where they are others', (_, bytes, key, hex) => {
  const found = receivedKey(bytes, undefined)
  expect(found.key).toBe(key)
  expect(found.keyBytes && Buffer.from(found.keyBytes).toString('hex')).toBe(hex)
  expect(Buffer.from(bytesOfKey(found) ?? [])).toEqual(bytes)
})

test('bug: partitionkey and the key of the record differ, and the bytes of the record are lost', () => {
  expect(receivedKey(Buffer.from('record'), 'attribute')).toEqual({
    key: 'attribute',
    keyBytes: Uint8Array.from(Buffer.from('record')),
  })
  expect(receivedKey(Buffer.from('same'), 'same')).toEqual({ key: 'same', keyBytes: undefined })
  expect(receivedKey(undefined, 'attribute')).toEqual({ key: 'attribute', keyBytes: undefined })
  expect(bytesOfKey(receivedKey(undefined, undefined))).toBeUndefined()
})

test('the bytes are a copy, so that a small message does not keep a large answer', () => {
  const answer = Buffer.alloc(1_000_000, 0xff)
  const { keyBytes } = receivedKey(answer.subarray(7, 9), undefined)
  expect(keyBytes?.buffer.byteLength).toBe(2)
})

test('different bytes have different texts, and each text leads back', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (one, other) => {
      expect(bytesOfSequence(byteSequence(one))).toEqual(Buffer.from(one))
      if (Buffer.compare(one, other) !== 0) expect(textOfKey(one)).not.toBe(textOfKey(other))
    }),
  )
  for (const text of ['', ':', 'AA==', ':A:', ':AA=:', ':AA==', ':A A=:']) expect(bytesOfSequence(text)).toBeUndefined()
})

test.each(styles)('any key of bytes, beside any text, is carried by %s', (style) => {
  const key = fc.option(fc.string({ unit: 'grapheme', minLength: 1 }), { nil: undefined })
  fc.assert(
    fc.property(fc.uint8Array(), key, (bytes, partitionKey) => {
      const found = receivedKey(bytes, partitionKey)
      const { headers } = encode({ ...message('t', 'x'), ...found }, style)
      const { key: text, keyBytes } = decode(headers, style)
      expect({ key: text, keyBytes }).toEqual(found)
    }),
  )
})

test.each([
  [{ key: undefined, keyBytes: Buffer.of(1) }, /keyBytes and no key/],
  [{ key: '\ud800' }, /half a surrogate pair/],
])('a key that nothing can carry, %j, is refused', (parts, problem) => {
  expect(() => encode({ ...message('t', 'x'), ...parts }, 'kafka')).toThrow(problem)
})

test('what says that it is a key of bytes and is none, or a tombstone and has a body, is no CloudEvent', () => {
  const { headers } = encode(message('t', 'x', { keyBytes: Buffer.of(255) }), 'kafka')
  expect(() => decode({ ...headers, ce_armaturekey: '/w==' }, 'kafka')).toThrow(
    /armaturekey "\/w==" is no byte sequence/,
  )
  expect(() => decode({ ...headers, ce_armaturetombstone: 'true' }, 'kafka')).toThrow(
    /armaturetombstone is "true" with 1/,
  )
  expect(decode({ ...headers, ce_armaturetombstone: 'true' }, 'kafka', { body: Buffer.of() }).tombstone).toBe(true)
})
