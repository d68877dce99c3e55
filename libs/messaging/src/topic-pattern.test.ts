import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TopicError } from './errors.ts'
import { checkPattern, checkTopic, isPattern, longestTopicBytes, matches } from './topic-pattern.ts'

const longest = 'x'.repeat(longestTopicBytes)

describe('checkTopic', () => {
  const accepted = ['a', 'logs.search-service', 'alerts.p99', 'a.b.c.d', 'a_b', 'č.日本', 'a/b', '$a', '0', longest]
  test.each([...accepted, 'orders.DLT', `${longest}.DLT`])('accepts %s', (topic) => {
    expect(() => checkTopic(topic)).not.toThrow()
  })

  const rejected: [string, RegExp][] = [
    ['', /empty/],
    ['.', /empty token/],
    ['a.', /empty token/],
    ['.a', /empty token/],
    ['a..b', /empty token/],
    ['a b', /" "/],
    [' a', /" "/],
    ['a\tb', /\\t/],
    ['a\r\nb', /\\r/],
    ['a\u0000', /\\u0000/],
    ['a\u2028', /holds/],
    ['a\ud800', /holds/],
    ['a.*', /wildcard \*/],
    ['*', /wildcard \*/],
    ['a*', /wildcard \*/],
    ['>', /wildcard >/],
    ['a.>', /wildcard >/],
    ['a>b', /wildcard >/],
    [`${longest}x`, /246 bytes: use 245/],
    ['č'.repeat(123), /246 bytes/],
  ]
  test.each(rejected)('rejects %j', (topic, problem) => {
    expect(() => checkTopic(topic)).toThrow(TopicError)
    expect(() => checkTopic(topic)).toThrow(problem)
  })
})

describe('checkPattern', () => {
  test.each(['a', '*', '>', 'a.*', 'a.>', '*.*', 'a.*.c', '*.>', 'a.*.>', 'orders.DLT'])('accepts %s', (pattern) => {
    expect(() => checkPattern(pattern)).not.toThrow()
  })

  test.each([
    '',
    '.',
    'a.',
    '.*',
    'a..*',
    '>.a',
    'a.>.b',
    '>.>',
    'a*',
    '*a.b',
    'a.b>',
    '**',
    '>>',
    'a .b',
    `${longest}xxxxx`,
  ])('rejects %j', (pattern) => {
    expect(() => checkPattern(pattern)).toThrow(TopicError)
  })
})

describe('matches', () => {
  const matching: [string, string][] = [
    ['a', 'a'],
    ['a.b', 'a.b'],
    ['*', 'a'],
    ['a.*', 'a.b'],
    ['*.b', 'a.b'],
    ['a.*.c', 'a.b.c'],
    ['>', 'a'],
    ['>', 'a.b.c'],
    ['a.>', 'a.b'],
    ['a.>', 'a.b.c.d'],
    ['a.*.>', 'a.b.c'],
    ['*.>', 'a.b'],
  ]
  test.each(matching)('%s stands for %s', (pattern, topic) => expect(matches(pattern, topic)).toBe(true))

  const differing: [string, string][] = [
    ['a', 'b'],
    ['a', 'a.b'],
    ['a.b', 'a'],
    ['a', 'aa'],
    ['*', 'a.b'],
    ['a.*', 'a'],
    ['a.*', 'a.b.c'],
    ['a.*', 'b.a'],
    ['a.>', 'a'],
    ['a.>', 'b.a'],
    ['*.>', 'a'],
    ['a.*.>', 'a.b'],
    ['a.*.c', 'a.b.d'],
    ['A', 'a'],
    ['a.b', 'axb'],
    ['a.*', 'a+b'],
  ]
  test.each(differing)('%s does not stand for %s', (pattern, topic) => expect(matches(pattern, topic)).toBe(false))

  const token = fc.constantFrom('a', 'b', 'c+', '(d)', '$')
  const topics = fc.array(token, { minLength: 1, maxLength: 5 })

  test('agrees with a regular expression', () => {
    const patterns = fc.tuple(fc.array(fc.oneof(token, fc.constant('*')), { maxLength: 4 }), fc.boolean())
    fc.assert(
      fc.property(patterns, topics, ([tokens, open], topicTokens) => {
        const pattern = [...tokens, ...(open || tokens.length === 0 ? ['>'] : [])]
        const source = pattern.map((each) => {
          if (each === '*') return '[^.]+'
          return each === '>' ? '.+' : each.replace(/[()$+]/g, '\\$&')
        })
        const topic = topicTokens.join('.')
        expect(matches(pattern.join('.'), topic)).toBe(new RegExp(`^${source.join('\\.')}$`).test(topic))
        expect(isPattern(pattern.join('.'))).toBe(pattern.includes('*') || pattern.includes('>'))
      }),
    )
  })
})
