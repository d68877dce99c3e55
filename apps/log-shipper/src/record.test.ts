import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeRecord, linesOf, type NewLine } from '../test/spool-world.ts'
import { reusedBuffer } from './reused-buffer.ts'
import { decodeRecords, encodeRecords, findRecord, placeAt, recordHeaderBytes } from './record.ts'

const salt = 0x5eed

const record = (sequence: number, text: string): NewLine & { sequence: number; timeMs: number } => ({
  sequence,
  bytes: Buffer.from(text),
  timeMs: 1_700_000_000_123,
})

const flaw = fc.record({
  fault: fc.constantFrom('too-long' as const, 'not-utf8' as const),
  cutBytes: fc.nat({ max: 2 ** 32 - 1 }),
})
const anyLine: fc.Arbitrary<NewLine> = fc
  .record({ bytes: fc.uint8Array({ maxLength: 100 }), flaw: fc.option(flaw, { nil: undefined }) })
  .map((given) => ({ bytes: given.bytes, ...given.flaw }))
const anySequence = fc.nat({ max: 2 ** 48 - 100 })
const anyTime = fc.double({ noNaN: true })

/** As the format is described, field by field. */
const asDescribed = ({ bytes, fault, cutBytes = 0 }: NewLine, sequence: number, timeMs: number): Buffer => {
  const head = Buffer.alloc(24)
  head.writeUInt32LE(bytes.length, 0)
  head.writeUIntLE(sequence, 4, 6)
  head.writeUInt8([undefined, 'too-long', 'not-utf8'].indexOf(fault), 10)
  head.writeDoubleLE(timeMs, 12)
  head.writeUInt32LE(cutBytes, 20)
  const covered = Buffer.concat([head, bytes])
  const sum = Buffer.alloc(4)
  sum.writeUInt32LE(crc32(covered, salt))
  return Buffer.concat([Buffer.from('ALS1'), sum, covered])
}

const memory = reusedBuffer()

test('any of the lines become records as the format says', () => {
  fc.assert(
    fc.property(
      fc.array(anyLine, { maxLength: 5 }),
      fc.nat(5),
      anySequence,
      anyTime,
      (given, first, sequence, timeMs) => {
        const from = Math.min(first, given.length)
        const records = given.slice(from).map((each, index) => asDescribed(each, sequence + index, timeMs))
        const whole = Buffer.concat(records)
        const range = { from, to: given.length, bytes: whole.length, firstSequence: sequence, salt }
        expect(encodeRecords(linesOf(given, timeMs), range, memory).equals(whole)).toBe(true)
      },
    ),
  )
})

test('records come back as they were, up to the limit, and to what is none', () => {
  const limit = { count: fc.integer({ min: 1, max: 6 }), bytes: fc.integer({ min: 1, max: 300 }) }
  const junk = fc.uint8Array({ minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(fc.array(anyLine, { maxLength: 5 }), anySequence, anyTime, fc.record(limit), junk, (...given) => {
      const [written, sequence, timeMs, { count, bytes }, rest] = given
      const records = written.map((each, index) => asDescribed(each, sequence + index, timeMs))
      const decoded = decodeRecords(Buffer.concat([...records, rest]), salt, { count, bytes })
      const wanted: NewLine[] = []
      let wantedBytes = 0
      for (const each of written.slice(0, count)) {
        if (wantedBytes >= bytes) break
        wanted.push(each)
        wantedBytes += each.bytes.length
      }
      const { data, starts, ends, flaws, sequences, timesMs } = decoded.records
      expect(decoded.records.count).toBe(wanted.length)
      for (const [index, each] of wanted.entries()) {
        expect([...data.subarray(starts[index], ends[index])]).toEqual([...each.bytes])
        expect(flaws.get(index)).toEqual(each.fault && { fault: each.fault, cutBytes: each.cutBytes })
        expect([sequences[index], timesMs[index]]).toEqual([sequence + index, timeMs])
      }
      expect(decoded.end).toBe(Buffer.concat(records.slice(0, wanted.length)).length)
      const isAtLimit = wanted.length === count || wantedBytes >= bytes
      expect(decoded.broken === undefined).toBe(isAtLimit)
    }),
  )
})

describe('damage', () => {
  const whole = encodeRecord(record(7, 'the line'), salt)

  test('no flip of one bit goes unseen', () => {
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const flipped = Buffer.from(whole)
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      expect(placeAt(flipped, 0, salt).kind, `bit ${bit}`).not.toBe('record')
    }
  })

  test('cut at any byte it is short, and says of how much', () => {
    for (let length = 0; length < whole.length; length++) {
      const needsBytes = length < recordHeaderBytes ? recordHeaderBytes : whole.length
      expect(placeAt(whole.subarray(0, length), 0, salt)).toEqual({ kind: 'short', needsBytes })
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
