import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isJsonObject } from './json-object.ts'

const nested = (depth: number) => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`

describe('a line that is a JSON object', () => {
  test.each([
    '{}',
    ' \t\r\n{"a":1}\t ',
    '{"a":1}\r',
    '{"a":1,"a":2}',
    '{"a":"\\\\u0000","b":"\\ud83d\\ude00","c":"\\u00e9 \\"{[[["}',
    '{"a":"1e999","b":[-0,1.5E+300,123456789012345678901234567890]}',
    `{"a":"${'['.repeat(1_000)}"}`,
    `{"a":[${'[],'.repeat(200)}1]}`,
    nested(64),
  ])('%s', (line) => {
    expect(isJsonObject(Buffer.from(line))).toBe(true)
  })
})

describe('bug: a line went out as JSON that its readers refuse', () => {
  test.each([
    ['a form feed before it', '\f{"a":1}'],
    ['a vertical tab before it', '\v{"a":1}'],
    ['a no-break space after it', '{"b":2}\u00a0'],
    ['a line separator around it', '\u2028{"a":1}\u2029'],
    ['an ideographic space before it', '\u3000{"a":1}'],
    ['a byte order mark before it', '\ufeff{"a":1}'],
    ['a NUL after it', '{"a":1}\0'],
    ['a NUL within a string', '{"a":"\0"}'],
    ['an escaped NUL', '{"a":"x\\u0000"}'],
    ['an escaped NUL in a name', '{"\\u0000":1}'],
    ['an escaped NUL behind an escaped backslash', '{"a":"\\\\\\u0000"}'],
    ['an escaped NUL that a later member of the same name hides', '{"a":"\\u0000","a":1}'],
    ['half a surrogate pair', '{"a":"\\ud83d"}'],
    ['the second half of a pair alone', '{"a":"\\uDE00\\uD83D"}'],
    ['a number beyond a double', '{"a":1e309}'],
    ['a negative one', '{"a":[-1E+999]}'],
    ['a number of many digits', `{"a":1${'0'.repeat(400)}}`],
    ['a number too near to zero', '{"a":1e-400}'],
    ['a fraction of very many digits', `{"a":0.${'1'.repeat(20_000)}}`],
    ['more nesting than its readers take', nested(65)],
    ['very deep nesting', nested(100_000)],
  ])('%s', (_name, line) => {
    expect(isJsonObject(Buffer.from(line))).toBe(false)
  })

  test('bytes that are no UTF-8', () => {
    expect(isJsonObject(Buffer.from('{"a":"\xff"}', 'latin1'))).toBe(false)
    expect(isJsonObject(Buffer.from('7b2261223a22eda080227d', 'hex'))).toBe(false)
  })
})

test.each(['', ' ', '{', '[1]', '"a"', '1', 'null', '{"a":1}x', '{"a":1}{"b":2}', "{'a':1}", '{"a":NaN}', '{"a":01}'])(
  '%j is none',
  (line) => {
    expect(isJsonObject(Buffer.from(line))).toBe(false)
  },
)

/** Behind an even number of backslashes: after an odd one `\u0000` is six characters of text. */
const escapedNulOrHalfPair = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i

test('whatever the bytes: what is said to be JSON is parsed, and is the same when written again', () => {
  const pieces = fc.constantFrom(
    ...'{}[]:,"\\u0 \t\r\f\u00a0\u2028\ufeff',
    '"a":',
    '\\ud800',
    '\\u0000',
    '1e400',
    '-1.5',
    'null',
  )
  const near = fc.tuple(fc.json(), fc.array(pieces, { maxLength: 3 }), fc.nat()).map(([json, odd, place]) => {
    const at = place % (json.length + 1)
    return Buffer.from(json.slice(0, at) + odd.join('') + json.slice(at))
  })
  const line = fc.oneof(
    fc.uint8Array(),
    near,
    fc.array(pieces).map((all) => Buffer.from(all.join(''))),
  )
  fc.assert(
    fc.property(line, (bytes) => {
      if (!isJsonObject(bytes)) return
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
      // Written again, -0 is 0.
      const value: unknown = JSON.parse(text, (_key, each: unknown) => (each === 0 ? 0 : each))
      expect(JSON.parse(JSON.stringify(value))).toEqual(value)
      expect(JSON.stringify(value)).not.toMatch(escapedNulOrHalfPair)
    }),
    { numRuns: 5_000 },
  )
})
