import { expect, test } from 'vitest'
import { createMatcher, matcherText, matchesAll, parseMatcher, parseMatchers } from './matcher.ts'

test.each<[string, Record<string, string>, boolean]>([
  ['severity="critical"', { severity: 'critical' }, true],
  ['severity=critical', { severity: 'critical' }, true],
  ['severity!="critical"', {}, true],
  ['severity=""', {}, true],
  ['host=~"web.*"', { host: 'web1' }, true],
  ['host=~"web"', { host: 'web1' }, false],
  ['host!~"web.*|db"', { host: 'cache' }, true],
  ['host=~"a|b"', { host: 'b' }, true],
  ['path="a\\"b,c"', { path: 'a"b,c' }, true],
  ['constructor=""', {}, true],
])('%s of %j', (text, labels, expected) => {
  const matcher = parseMatcher(text)
  expect(matcher.matches(labels)).toBe(expected)
  expect(parseMatcher(matcherText(matcher)).matches(labels)).toBe(expected)
})

test('several with commas between, in braces or without', () => {
  const labels = { a: 'x,y', b: '1' }
  expect(matchesAll(parseMatchers('{a="x,y",b=~"1"}'), labels)).toBe(true)
  expect(matchesAll(parseMatchers('a="x,y", b="2"'), labels)).toBe(false)
  expect(parseMatchers('{}')).toEqual([])
})

test.each(['a', '="b"', 'a="b', 'a=b"c', 'a="b"c', 'a=~"("', `a=~"${'x'.repeat(600)}"`, 'x'.repeat(2_000), 'a b="c"'])(
  '%s is no matcher',
  (text) => expect(() => parseMatcher(text)).toThrow(expect.objectContaining({ name: 'MatcherError' }) as Error),
)

test.each(['(?:a?){1000}', '(?:a?){1000}'.repeat(40)])(
  'bug: a short expression with a large count stopped the monitor for minutes: %.15s',
  (pattern) => {
    const create = () => createMatcher({ name: 'a', value: pattern, isRegex: true, isEqual: true })
    expect(create).toThrow(/compiles to \d+ instructions/)
  },
)

test('expressions of the longest text that count little are taken', () => {
  for (const pattern of ['x'.repeat(512), 'a?'.repeat(256), '(ab|cd)[0-9]{1,100}'])
    expect(() => createMatcher({ name: 'a', value: pattern, isRegex: true, isEqual: true })).not.toThrow()
})

test('an expression that would take a backtracking engine for ever is matched at once', () => {
  const matcher = parseMatcher('a=~"(a+)+$"')
  expect(matcher.matches({ a: `${'a'.repeat(1_000)}!` })).toBe(false)
})
