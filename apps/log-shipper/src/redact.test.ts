import { describe, expect, test } from 'vitest'
import { linesOf } from '../test/spool-world.ts'
import { everyLine } from '../test/every-line.ts'
import { isJsonObject } from './json-object.ts'
import { lineRedactor, type RedactOptions, secretPattern } from './redact.ts'

const redactedLines = (options: Partial<RedactOptions>, ...given: readonly (string | Buffer)[]) => {
  const redact = lineRedactor({ keys: [], kinds: [], maxLineBytes: 1_000_000, ...options })
  const lines = linesOf(
    given.map((each) => ({ bytes: Buffer.from(each) })),
    1_000,
  )
  return everyLine(redact === undefined ? lines : redact(lines))
}

const redacted = (options: Partial<RedactOptions>, line: string): string =>
  redactedLines(options, line)[0]!.bytes.toString()

const by = (keys: readonly string[]) => (line: string) => redacted({ keys }, line)

test('nothing to redact: no function is called at all', () => {
  expect(lineRedactor({ keys: [], kinds: [], maxLineBytes: 10 })).toBeUndefined()
})

describe('by key', () => {
  const one = by(['password'])
  test.each([
    ['at the top', '{"a":1,"password":"x","b":2}', '{"a":1,"password":"[redacted]","b":2}'],
    ['at any depth', '{"a":[{"b":{"password":"x"}}]}', '{"a":[{"b":{"password":"[redacted]"}}]}'],
    ['with white space', '{ "password" :\t"x" }', '{ "password" :\t"[redacted]" }'],
    ['a number', '{"password":-1.5e3}', '{"password":"[redacted]"}'],
    ['a literal', '{"password":null,"b":true}', '{"password":"[redacted]","b":true}'],
    ['an object', '{"password":{"a":"}","b":[1]},"c":1}', '{"password":"[redacted]","c":1}'],
    ['a list', '{"password":["]",{"a":1}]}', '{"password":"[redacted]"}'],
    ['a quote in it', '{"password":"a\\"b\\\\","c":"d"}', '{"password":"[redacted]","c":"d"}'],
    ['twice', '{"password":"a","password":"b"}', '{"password":"[redacted]","password":"[redacted]"}'],
    ['in capitals', '{"PassWord":"x"}', '{"PassWord":"[redacted]"}'],
    ['with an escaped letter', '{"pass\\u0077ord":"x"}', '{"pass\\u0077ord":"[redacted]"}'],
    ['in a text of JSON', '{"m":"{\\"password\\":\\"x\\"}"}', '{"m":"{\\"password\\":\\"[redacted]\\"}"}'],
    ['a number in a text of JSON', '{"m":"{\\"password\\":1}"}', '{"m":"{\\"password\\":\\"[redacted]\\"}"}'],
    [
      'after a text with a backslash at its end',
      '{"a":"x\\\\","password":"y"}',
      '{"a":"x\\\\","password":"[redacted]"}',
    ],
  ])('%s', (_what, line, clean) => {
    expect(one(line)).toBe(clean)
    expect(isJsonObject(Buffer.from(clean))).toBe(true)
  })

  test('in JSON in JSON in JSON', () => {
    const nest = (value: unknown, depth: number): string =>
      depth === 0 ? JSON.stringify(value) : JSON.stringify({ m: nest(value, depth - 1) })
    for (let depth = 0; depth <= 3; depth++) {
      const secret = { password: 'a "quoted" \\ secret', other: 'kept "too"' }
      expect(one(nest(secret, depth))).toBe(nest({ ...secret, password: '[redacted]' }, depth))
    }
  })

  test.each([
    ['that was cut off', '{"password":"secr', '{"password":"[redacted]"'],
    ['in a line of text', 'body 5" {"password":"x"} sent', 'body 5" {"password":"[redacted]"} sent'],
    ['with a byte order mark', '\ufeff{"password":"x"}', '\ufeff{"password":"[redacted]"}'],
  ])('JSON %s', (_what, line, clean) => {
    expect(one(line)).toBe(clean)
  })

  test.each([
    '{"passwords":"x"}',
    '{"a":"password"}',
    '{"a":"password","b":1}',
    '["password",":"]',
    '{"a":"the password: x"}',
    'password=x',
    '',
  ])('leaves %s as it is', (line) => {
    expect(one(line)).toBe(line)
  })

  test('a line of 256 KiB of backslashes or quotes takes no longer than others', () => {
    const startedAt = performance.now()
    for (const each of ['\\', '"', '\\"', '"a', '"password":"', '"password":{']) one(each.repeat(262_144 / each.length))
    expect(performance.now() - startedAt).toBeLessThan(20_000)
  })
})

describe('by pattern', () => {
  test.each([
    ['cards', 'paid by 4111 1111 1111 1111.', 'paid by [card].'],
    ['cards', '5500-0000-0000-0004 and 340000000000009', '[card] and [card]'],
    ['cards', 'order 12 4111 1111 1111 1111 3', 'order 12 [card] 3'],
    ['cards', '{"a":4111111111111111,"b":"4111111111111111"}', '{"a":"[card]","b":"[card]"}'],
    ['cards', '4111 1111 1111 1112', '4111 1111 1111 1112'],
    [
      'cards',
      '{"time":1767225600000,"id":"12345678901234567890"}',
      '{"time":1767225600000,"id":"12345678901234567890"}',
    ],
    ['email', 'from Jane.Doe+x@mail.example.com to jürgen@müller.de', 'from [email] to [email]'],
    ['email', '{"m":"\\njane@example.com"}', '{"m":"\\n[email]"}'],
    ['email', '{"m":"jane\\u0040example.com"}', '{"m":"[email]"}'],
    ['email', 'a@b and @c', 'a@b and @c'],
    ['tokens', 'Authorization: Bearer abcdefgh.ijk', 'Authorization: Bearer [token]'],
    ['tokens', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln', '[token]'],
    ['tokens', 'key AKIAIOSFODNN7EXAMPLE used', 'key [token] used'],
    ['tokens', 'aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', 'aws_secret_access_key = [token]'],
    ['tokens', 'ghp_0123456789abcdefghijABCDEFGHIJ012345', '[token]'],
    ['tokens', 'the bearer of news', 'the bearer of news'],
  ] as const)('%s: %s', (kind, line, clean) => {
    expect(redacted({ kinds: [kind] }, line)).toBe(clean)
  })

  test('of the operator', () => {
    expect(redacted({ pattern: String.raw`PIN-\d{3,5}` }, 'my PIN-1234 {"a":"PIN-123"}')).toBe(
      'my [redacted] {"a":"[redacted]"}',
    )
  })

  test.each(['(', 'x*', '|a'])('%s is refused', (pattern) => {
    expect(() => secretPattern(pattern)).toThrow()
  })

  test('a line of 256 KiB takes no longer than others', () => {
    const startedAt = performance.now()
    const kinds = ['cards', 'tokens', 'email'] as const
    for (const each of ['a', '1', '1 ', 'a.', 'a@', 'eyJaaaa.', 'bearer '])
      redacted({ kinds }, each.repeat(262_144 / each.length))
    expect(performance.now() - startedAt).toBeLessThan(20_000)
  })
})

test('what is no secret keeps its bytes, also bytes that are no UTF-8', () => {
  const broken = Buffer.concat([Buffer.from('{"password":"x","b":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')])
  const [one, two, three] = redactedLines({ keys: ['password'] }, '{"a": 1.0, "b":1e2}', broken, 'ü')
  expect(one!.bytes.toString()).toBe('{"a": 1.0, "b":1e2}')
  expect(two!.bytes.toString('latin1')).toBe('{"password":"[redacted]","b":"\xff\xfe"}')
  expect(three!.bytes.toString()).toBe('ü')
})

test('a line that becomes too long is cut off, as one that comes so is', () => {
  const [line] = redactedLines({ keys: ['a'], maxLineBytes: 10 }, '{"a":1}')
  expect(line).toMatchObject({ fault: 'too-long', cutBytes: 8 })
  expect(line!.bytes.toString()).toBe('{"a":"[red')
})
