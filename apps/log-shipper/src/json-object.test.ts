import { isUtf8 } from 'node:buffer'
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
    ['a number of many digits and a short exponent', `{"a":${'1'.repeat(250)}e99}`],
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

const isPortableText = (text: string) => text.isWellFormed() && !text.includes('\0')

const hasPortableTexts = (value: unknown): boolean => {
  if (typeof value === 'string') return isPortableText(value)
  if (typeof value !== 'object' || value === null) return true
  return Object.entries(value).every(([name, each]) => isPortableText(name) && hasPortableTexts(each))
}

/** Whether `JSON.parse` takes it, and all that was parsed is as every reader takes it. */
const isOne = (line: Buffer): boolean => {
  const text = line.toString()
  let hasPortableNumbers = true
  const look = (_: string, value: unknown, context?: { source?: string }): unknown => {
    if (typeof value !== 'number') return value
    const source = context?.source ?? ''
    const exponent = Math.abs(Number(/e(.+)$/i.exec(source)?.[1] ?? 0))
    if (!Number.isFinite(value) || exponent > 308 || source.length > 1_000) hasPortableNumbers = false
    return value
  }
  try {
    JSON.parse(text, look)
    const isObject = !text.startsWith('\ufeff') && /^\s*\{/.test(text)
    return isUtf8(line) && isObject && hasPortableNumbers && hasPortableTexts(JSON.parse(text))
  } catch {
    return false
  }
}

test('what is said to be one is what a parser says, in the middle of other bytes too', () => {
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom('\0', '\ud83d', '\udc00', '"', '\\', '\n', 'é', '😀'),
    fc.string({ unit: 'binary' }),
  )
  const number = fc.oneof(
    fc.constantFrom('-0', '01', '1.', '.5', '1e', '1e+', '1E-7', '1e308', '1e309', '-1e-309', '1e0300', '--1', '+1'),
    fc
      .tuple(fc.integer({ min: 1, max: 330 }), fc.integer({ min: -110, max: 320 }))
      .map(([digits, exponent]) => `${'9'.repeat(digits)}e${exponent}`),
    fc.double().map(String),
  )
  const space = fc.constantFrom('', '', '', '', '', ' ', '\t', '\n\r ', '\f', '\u00a0')
  const { value, object } = fc.letrec<{ value: string; object: string }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      number,
      text.map((each) => JSON.stringify(each)),
      fc.constantFrom(
        'true',
        'false',
        'null',
        'nul',
        'NaN',
        '"\\x"',
        '"\\u00e9"',
        '"\\u12"',
        '"\\uD83D\\uDE00"',
        '"\\ud83dx"',
      ),
      fc.array(tie('value'), { maxLength: 3 }).map((all) => `[${all.join(',')}]`),
      tie('object'),
    ),
    object: fc
      // Of two members with one name a parser shows the last alone.
      .uniqueArray(fc.tuple(space, text, space, tie('value')), { maxLength: 3, selector: ([, name]) => name })
      .map(
        (all) =>
          `{${all.map(([before, name, after, each]) => `${before}${JSON.stringify(name)}${after}:${each}`).join(',')}}`,
      ),
  }))
  const odd = fc.tuple(
    fc.nat(),
    fc.constantFrom('', '', '', '', '', '', '', '', '"', ',', '}', ']', '\\', '\0', ':', '\ufeff', '{'),
  )
  const line = fc
    .tuple(space, fc.oneof(value, { weight: 4, arbitrary: object }), space, odd)
    .map(([before, each, after, [place, more]]) => {
      const whole = `${before}${each}${after}`
      const at = place % (whole.length + 1)
      return Buffer.from(whole.slice(0, at) + more + whole.slice(at))
    })
  let objects = 0
  fc.assert(
    fc.property(line, fc.constantFrom('', '{', '"', '}', '}\n{"a":1}', ' ', '0'), (bytes, around) => {
      const wanted = isOne(bytes)
      if (wanted) objects += 1
      const more = Buffer.from(around)
      expect(isJsonObject(Buffer.concat([more, bytes, more]), more.length, more.length + bytes.length)).toBe(wanted)
    }),
    { numRuns: 3_000 },
  )
  expect(objects).toBeGreaterThan(100)
})

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
      if (!isJsonObject(Buffer.from(bytes))) return
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
      // Written again, -0 is 0.
      const value: unknown = JSON.parse(text, (_key, each: unknown) => (each === 0 ? 0 : each))
      expect(JSON.parse(JSON.stringify(value))).toEqual(value)
      expect(JSON.stringify(value)).not.toMatch(escapedNulOrHalfPair)
    }),
    { numRuns: 5_000 },
  )
})
