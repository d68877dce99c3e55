import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { everyLine, type Line } from '../test/every-line.ts'
import { lineSplitter } from './lines.ts'

const texts = (lines: readonly Line[]) => lines.map(({ bytes }) => Buffer.from(bytes).toString('latin1'))

const split = (input: Buffer, maxLineBytes: number, cuts: readonly number[] = []): Line[] => {
  const splitter = lineSplitter(maxLineBytes)
  const places = [0, ...cuts.map((cut) => cut % (input.length + 1)).toSorted((a, b) => a - b), input.length]
  const lines = places.slice(1).flatMap((end, index) => everyLine(splitter.push(input.subarray(places[index], end))))
  return [...lines, ...everyLine(splitter.end())]
}

describe('terminators', () => {
  test.each([
    ['', []],
    ['a\nb\n', ['a', 'b']],
    ['a\r\nb\r\n', ['a', 'b']],
    ['no final newline', ['no final newline']],
    ['a\n\nb\n', ['a', '', 'b']],
    ['\r\n\n', ['', '']],
    ['a\rb\n', ['a\rb']],
    ['a\r\r\n', ['a\r']],
    ['a\r', ['a\r']],
    ['a\u2028b\n', ['a\u2028b']],
  ])('%j', (input, expected) => {
    const lines = split(Buffer.from(input), 100)
    expect(lines.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(expected)
    expect(lines.every(({ fault }) => fault === undefined)).toBe(true)
  })

  test('a CRLF cut between its two bytes is one terminator', () => {
    const splitter = lineSplitter(100)
    expect(splitter.push(Buffer.from('a\r')).count).toBe(0)
    expect(texts(everyLine(splitter.push(Buffer.from('\nb\n'))))).toEqual(['a', 'b'])
  })
})

describe('length', () => {
  test.each(['12345\n', '12345\r\n', '12345', '1234\n'])('%j is a line of at most 5 bytes', (input) => {
    expect(split(Buffer.from(input), 5)).toMatchObject([{ fault: undefined, cutBytes: 0 }])
  })

  test.each([
    ['123456\n', 1],
    ['123456\r\n', 1],
    ['12345\r', 1],
    ['123456', 1],
    ['1234567890\n', 5],
  ])('%j is too long by %d', (input, cutBytes) => {
    const [line, ...more] = split(Buffer.from(input), 5)
    expect(line).toMatchObject({ fault: 'too-long', cutBytes })
    expect(texts([line!])).toEqual(['12345'])
    expect(more).toEqual([])
  })

  test('what follows a line that is too long flows', () => {
    expect(texts(split(Buffer.from('1234567890\nok\n'), 5))).toEqual(['12345', 'ok'])
  })

  test('holds no more of an endless line than the limit', () => {
    const splitter = lineSplitter(1000)
    for (let chunk = 0; chunk < 1000; chunk++) {
      expect(splitter.push(Buffer.alloc(4096, 'x')).count).toBe(0)
      expect(splitter.heldBytes).toBeLessThanOrEqual(1001)
    }
    expect(everyLine(splitter.end())).toMatchObject([{ fault: 'too-long', cutBytes: 4096 * 1000 - 1000 }])
    expect(splitter.heldBytes).toBe(0)
  })

  test('does not see a later change of the chunk in a line it holds', () => {
    const splitter = lineSplitter(100)
    const chunk = Buffer.from('held')
    splitter.push(chunk)
    chunk.fill('x')
    expect(texts(everyLine(splitter.push(Buffer.from('\n'))))).toEqual(['held'])
  })

  test.each([0, -1, 1.5, Number.NaN])('a limit of %d is refused', (limit) => {
    expect(() => lineSplitter(limit)).toThrow(/maxLineBytes/)
  })
})

describe('encoding', () => {
  test.each([['plain'], ['grüße 🌍'], ['nul \u0000 byte'], ['\uFEFFmarked']])('%j passes', (text) => {
    expect(split(Buffer.from(`${text}\n`), 100)).toMatchObject([{ fault: undefined }])
  })

  test.each([
    ['a lone continuation byte', [0x61, 0x80]],
    ['a cut sequence', [0xe2, 0x82]],
    ['an overlong form', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['Latin-1', [0x67, 0x72, 0xfc]],
  ])('%s is not UTF-8', (_name, bytes) => {
    const lines = split(Buffer.from([...bytes, 0x0a, 0x6f, 0x6b, 0x0a]), 100)
    expect(lines).toMatchObject([{ fault: 'not-utf8' }, { fault: undefined }])
    expect([...lines[0]!.bytes]).toEqual(bytes)
  })
})

test('wherever the chunks are cut, the lines are the same, and all bytes are in them', () => {
  const piece = fc.oneof(
    fc.string({ maxLength: 12 }).map((text) => Buffer.from(text)),
    fc.constantFrom('\n', '\r\n', '\r', '').map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
  )
  const input = fc.array(piece, { maxLength: 30 }).map((pieces) => Buffer.concat(pieces))
  fc.assert(
    fc.property(
      input,
      fc.array(fc.nat(500), { maxLength: 10 }),
      fc.integer({ min: 1, max: 20 }),
      (bytes, cuts, max) => {
        const lines = split(bytes, max, cuts)
        const plain = (line: Line) => ({ ...line, bytes: [...line.bytes] })
        expect(lines.map(plain)).toEqual(split(bytes, max).map(plain))
        const expected = bytes.toString('latin1').split('\n')
        const final = expected.pop()
        const whole = [...expected.map((line) => line.replace(/\r$/, '')), ...(final === '' ? [] : [final])]
        expect(lines.map(({ bytes: kept, cutBytes }) => kept.length + cutBytes)).toEqual(
          whole.map((line) => line!.length),
        )
        expect(texts(lines)).toEqual(whole.map((line) => line!.slice(0, max)))
        const faultOf = (line: string) => (isUtf8(Buffer.from(line, 'latin1')) ? undefined : 'not-utf8')
        expect(lines.map(({ fault }) => fault)).toEqual(
          whole.map((line) => (line!.length > max ? 'too-long' : faultOf(line!))),
        )
      },
    ),
    { numRuns: 500 },
  )
})
