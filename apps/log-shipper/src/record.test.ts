import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeRecord, encodeRecord, findRecord, recordHeaderBytes, type SpoolRecord } from './record.ts'

const salt = 0x5eed

const record = (sequence: number, text: string): SpoolRecord => ({
  sequence,
  bytes: Buffer.from(text),
  fault: undefined,
  cutBytes: 0,
  timeMs: 1_700_000_000_123,
})

const anyRecord = fc.record({
  sequence: fc.nat({ max: 2 ** 48 - 1 }),
  bytes: fc.uint8Array({ maxLength: 100 }),
  fault: fc.constantFrom(undefined, 'too-long' as const, 'not-utf8' as const),
  cutBytes: fc.nat({ max: 2 ** 32 - 1 }),
  timeMs: fc.double({ noNaN: true }),
})

test('a record comes back as it was', () => {
  fc.assert(
    fc.property(anyRecord, fc.nat(20), (given, start) => {
      const buffer = Buffer.concat([Buffer.alloc(start), encodeRecord(given, salt)])
      const decoded = decodeRecord(buffer, start, salt)
      expect(decoded).toMatchObject({ kind: 'record', end: buffer.length })
      if (decoded.kind === 'record') {
        expect({ ...decoded.record, bytes: [...decoded.record.bytes] }).toEqual({ ...given, bytes: [...given.bytes] })
      }
    }),
  )
})

describe('damage', () => {
  const whole = encodeRecord(record(7, 'the line'), salt)

  test('no flip of one bit goes unseen', () => {
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const flipped = Buffer.from(whole)
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      expect(decodeRecord(flipped, 0, salt).kind, `bit ${bit}`).not.toBe('record')
    }
  })

  test('cut at any byte it is short, and says of how much', () => {
    for (let length = 0; length < whole.length; length++) {
      const needsBytes = length < recordHeaderBytes ? recordHeaderBytes : whole.length
      expect(decodeRecord(whole.subarray(0, length), 0, salt)).toEqual({ kind: 'short', needsBytes })
    }
  })

  test('the next intact record is found behind a damaged one', async () => {
    const damaged = Buffer.from(whole)
    damaged.writeUInt32LE(0xffffff, 8)
    const next = encodeRecord(record(8, 'next'), salt)
    expect(await findRecord(Buffer.concat([damaged, next]), 1, salt)).toBe(whole.length)
    expect(await findRecord(damaged, 1, salt)).toBeUndefined()
  })

  test('a line that holds the bytes of a record of another file is none', async () => {
    const decoy = encodeRecord(record(9, 'forged'), salt + 1)
    const damaged = encodeRecord({ ...record(7, ''), bytes: decoy }, salt)
    damaged[5]! ^= 1
    const next = encodeRecord(record(8, 'next'), salt)
    expect(await findRecord(Buffer.concat([damaged, next]), 1, salt)).toBe(damaged.length)
  })
})
