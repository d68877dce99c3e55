import { describe, expect, test } from 'vitest'
import { lz4Decompress } from './lz4-frame.ts'
import { seededRandom } from '@armature/async/random'

const head = '04224d186040ff'

/** A frame of these blocks. */
const frame = (blocks: readonly string[], start = head, checksum = ''): Buffer =>
  Buffer.concat([
    Buffer.from(start, 'hex'),
    ...blocks.flatMap((block) => {
      const data = Buffer.from(block, 'hex')
      const size = Buffer.alloc(4)
      size.writeUInt32LE(data.length)
      return [size, data, Buffer.from(checksum, 'hex')]
    }),
    Buffer.alloc(4),
  ])

const hex = (text: string): string => Buffer.from(text).toString('hex')
const limit = 1_000

describe('an LZ4 frame', () => {
  test.each([
    ['without blocks', frame([]), ''],
    ['of literals', frame([`30${hex('abc')}`]), 'abc'],
    ['of many literals', frame([`f0${'05'}${hex('x'.repeat(20))}`]), 'x'.repeat(20)],
    ['with a match', frame([`44${hex('abcd')}0400${'10'}${hex('!')}`]), 'abcdabcdabcd!'],
    ['with a match of what it makes', frame([`1f${hex('a')}0100ff00${'10'}${hex('b')}`]), `${'a'.repeat(275)}b`],
    ['with a match in the block before', frame([`40${hex('abcd')}`, `000400${'10'}${hex('!')}`]), 'abcdabcd!'],
    ['with checksums of blocks', frame([`10${hex('a')}`, `10${hex('b')}`], '04224d187040ff', '00000000'), 'ab'],
    ['with the size of its content', frame([`10${hex('a')}`], '04224d1868400100000000000000ff'), 'a'],
  ])('%s', (_, data, text) => {
    expect(lz4Decompress(data, limit).toString()).toBe(text)
  })

  test.each([
    ['another format', Buffer.from('1f8b080000000000', 'hex')],
    ['nothing', Buffer.of()],
    ['a head alone', Buffer.from(head, 'hex')],
    ['another version', frame([], '04224d18a040ff')],
    ['a dictionary', frame([], '04224d186140ff00000000')],
    ['a match before its beginning', frame([`11${hex('a')}0200`])],
    ['a match of itself', frame([`11${hex('a')}0000`])],
    ['literals that are not there', frame(['f0ff'])],
    ['a length without an end', frame(['f0ffff'])],
    ['a block that is not there', Buffer.from(`${head}ffff0000`, 'hex')],
    ['a bomb', frame([`1f${hex('a')}0100${'ff'.repeat(100)}00`])],
  ])('refuses %s', (_, data) => {
    expect(() => lz4Decompress(data, limit)).toThrow(RangeError)
  })

  test('makes at most what it may, or refuses, whatever it is given', () => {
    const random = seededRandom(7)
    const good = frame([`44${hex('abcd')}0400${'10'}${hex('!')}`, `1f${hex('a')}0100ff00${'10'}${hex('b')}`])
    for (let round = 0; round < 50_000; round++) {
      const data = Buffer.from(good)
      for (let changes = 1 + random.below(4); changes > 0; changes--) {
        data[7 + random.below(data.length - 7)] = random.below(256)
      }
      try {
        expect(lz4Decompress(data, limit).length).toBeLessThanOrEqual(limit)
      } catch (error) {
        expect(error, data.toString('hex')).toBeInstanceOf(RangeError)
      }
    }
  })
})
