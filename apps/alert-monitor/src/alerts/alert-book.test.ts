import { describe, expect, test } from 'vitest'
import { createAlertBook, subjectOf } from './alert-book.ts'
import type { Notice } from '../events.ts'
import { parseRules } from '../rules/rules-file.ts'
import type { Rule } from '../rules/rules.ts'

const ruleOf = (changed: Record<string, unknown> = {}): Rule => {
  const rule = { type: 'threshold', name: 'hot', metric: 'cpu', stat: 'last', op: '>', value: 90, ...changed }
  const [parsed] = parseRules(JSON.stringify({ rules: [rule] }), 'test')
  if (parsed === undefined) throw new Error('no rule')
  return parsed
}

const bench = (rule: Rule, { maxAlerts = 10, repeatMs = 60_000 } = {}) => {
  const notices: Notice[] = []
  const bench = { nowMs: 0, room: true, overflows: 0, notices }
  const book = createAlertBook({
    repeatMs,
    maxAlerts,
    steadyMs: () => bench.nowMs,
    wallMs: () => 1_700_000_000_000 + bench.nowMs,
    offer: (notice) => bench.room && notices.push(notice) > 0,
    onOverflow: () => (bench.overflows += 1),
  })
  const judge = (active: boolean, value = active ? 95 : 10, metric = 'cpu') =>
    book.judge(subjectOf(rule, metric, {}), { active, value, threshold: 90 })
  const at = (seconds: number, active: boolean, value?: number) => {
    bench.nowMs = seconds * 1000
    judge(active, value)
    return notices.map(({ status }) => status)
  }
  return Object.assign(bench, { book, judge, at })
}

describe('pending', () => {
  test('an alert fires when its condition has held for forMs, with the time it began', () => {
    const { at, notices, book } = bench(ruleOf({ forMs: 30_000 }))
    expect(at(0, true)).toEqual([])
    expect(at(29, true)).toEqual([])
    expect(book.firing()).toEqual([])
    expect(book.pending()).toMatchObject([{ name: 'hot', startsAt: '2023-11-14T22:13:20.000Z' }])
    expect(at(30, true, 97)).toEqual(['firing'])
    expect(book.pending()).toEqual([])
    expect(notices[0]).toMatchObject({ startsAt: '2023-11-14T22:13:20.000Z', endsAt: null, value: 97, threshold: 90 })
    expect(book.firing()).toEqual([notices[0]])
  })

  test('a break starts the wait anew', () => {
    const { at } = bench(ruleOf({ forMs: 30_000 }))
    at(0, true)
    at(20, false)
    at(21, true)
    expect(at(50, true)).toEqual([])
    expect(at(51, true)).toEqual(['firing'])
  })

  test('without forMs it fires at once', () => {
    expect(bench(ruleOf()).at(0, true)).toEqual(['firing'])
  })
})

describe('firing', () => {
  test('bug: an end that found no room stayed owed when the alert fired again', () => {
    const bed = bench(ruleOf())
    bed.at(0, true)
    bed.room = false
    bed.at(1, false)
    expect(bed.book.owed()).toBe(1)
    bed.at(2, true)
    expect(bed.book.owed()).toBe(0)
    bed.room = true
    expect(bed.at(3, true)).toEqual(['firing'])
    expect(bed.at(4, false)).toEqual(['firing', 'resolved'])
  })

  test('is not told again within repeatMs, and is after it', () => {
    const { at } = bench(ruleOf(), { repeatMs: 60_000 })
    at(0, true)
    expect(at(59, true)).toEqual(['firing'])
    expect(at(60, true)).toEqual(['firing', 'firing'])
    expect(at(119, true)).toEqual(['firing', 'firing'])
    expect(at(120, true)).toHaveLength(3)
  })

  test('is resolved once, with the end and the last bad value', () => {
    const { at, notices, book } = bench(ruleOf())
    at(0, true)
    at(10, true, 99)
    expect(at(20, false)).toEqual(['firing', 'resolved'])
    expect(notices[1]).toMatchObject({ status: 'resolved', value: 99, endsAt: '2023-11-14T22:13:40.000Z' })
    expect(notices[1]?.startsAt).toBe(notices[0]?.startsAt)
    expect(notices[1]?.fingerprint).toBe(notices[0]?.fingerprint)
    expect(at(21, false)).toHaveLength(2)
    expect(book.firing()).toEqual([])
  })

  test('goes on for keepFiringForMs', () => {
    const { at } = bench(ruleOf({ keepFiringForMs: 30_000 }))
    at(0, true)
    expect(at(29, false)).toEqual(['firing'])
    at(29.5, true)
    expect(at(59, false)).toEqual(['firing'])
    expect(at(59.5, false)).toEqual(['firing', 'resolved'])
  })

  test('a new one after a resolved one is told with its own start', () => {
    const { at, notices } = bench(ruleOf())
    at(0, true)
    at(10, false)
    expect(at(20, true)).toEqual(['firing', 'resolved', 'firing'])
    expect(notices[2]?.startsAt).not.toBe(notices[0]?.startsAt)
  })
})

describe('without room for notices', () => {
  test('what is owed is offered again until taken, even when the condition is over', () => {
    const book = bench(ruleOf())
    book.room = false
    book.at(0, true)
    expect(book.at(1, false)).toEqual([])
    expect(book.book.has(subjectOf(ruleOf(), 'cpu', {}).fingerprint)).toBe(true)
    book.room = true
    expect(book.at(2, false)).toEqual(['firing'])
    book.room = false
    expect(book.at(3, false)).toEqual(['firing'])
    book.room = true
    expect(book.at(4, false)).toEqual(['firing', 'resolved'])
  })

  test('more alerts than the limit are counted', () => {
    const limited = bench(ruleOf(), { maxAlerts: 2 })
    for (const metric of ['a', 'b', 'c']) limited.judge(true, 95, metric)
    expect(limited.notices).toHaveLength(2)
    expect(limited.overflows).toBe(1)
  })
})

describe('fingerprint and labels', () => {
  test('are the same for the same name and labels in any order', () => {
    const one = subjectOf(ruleOf(), 'cpu', { a: '1', b: '2' })
    expect(subjectOf(ruleOf({ value: 50 }), 'cpu', { b: '2', a: '1' }).fingerprint).toBe(one.fingerprint)
    expect(one.labels).toEqual({ a: '1', b: '2', metric: 'cpu' })
  })

  test.each([
    [ruleOf({ name: 'other' }), 'cpu', {}],
    [ruleOf(), 'cpu2', {}],
    [ruleOf(), 'cpu', { a: '1' }],
    [ruleOf({ labels: { team: 'x' } }), 'cpu', {}],
  ])('differ otherwise (%#)', (rule, metric, tags) => {
    expect(subjectOf(rule, metric, tags).fingerprint).not.toBe(subjectOf(ruleOf(), 'cpu', {}).fingerprint)
  })

  test('a tag named __proto__ is a label like another', () => {
    const { labels } = subjectOf(ruleOf(), 'cpu', JSON.parse('{"__proto__":"x"}') as Record<string, string>)
    expect(Object.keys(labels)).toContain('__proto__')
  })
})

test('the summary is filled in', () => {
  const { at, notices } = bench(ruleOf({ summary: '{metric} is at {value} % of {threshold} {other}' }))
  at(0, true, 95.123456)
  expect(notices[0]?.summary).toBe('cpu is at 95.12 % of 90 {other}')
})

describe('bug: a label of the rule that covers a tag made one alert of all series', () => {
  const rule = ruleOf({ labels: { host: 'all', team: 'a' } })

  test.each([
    [{ host: 'a' }, { host: 'b' }],
    [{ host: 'a' }, {}],
    [{ host: 'all' }, {}],
    [{ metric: 'a' }, { metric: 'b' }],
    [
      { host: 'a', exported_host: 'b' },
      { exported_host: 'b', exported_exported_host: 'a' },
    ],
    [
      { team: 'a', host: 'b' },
      { team: 'b', host: 'a' },
    ],
  ])('%j and %j are two', (one, other) => {
    const [first, second] = [subjectOf(rule, 'cpu', one), subjectOf(rule, 'cpu', other)]
    expect(first.fingerprint).not.toBe(second.fingerprint)
    expect(first.labels).toMatchObject({ host: 'all', team: 'a', metric: 'cpu' })
  })

  test('the tag is shown as exported, and equal series are one', () => {
    const { labels, fingerprint } = subjectOf(rule, 'cpu', { host: 'a', zone: 'z', exported_host: 'c' })
    expect(labels).toEqual({
      exported_exported_host: 'a',
      exported_host: 'c',
      host: 'all',
      metric: 'cpu',
      team: 'a',
      zone: 'z',
    })
    expect(subjectOf(rule, 'cpu', { exported_host: 'c', zone: 'z', host: 'a' }).fingerprint).toBe(fingerprint)
    expect(subjectOf(ruleOf({ name: 'other', labels: rule.labels }), 'cpu', {}).fingerprint).not.toBe(
      subjectOf(rule, 'cpu', {}).fingerprint,
    )
  })

  test('each fires and resolves by itself', () => {
    const { book, notices } = bench(rule)
    for (const active of [true, false])
      for (const host of ['a', 'b'])
        book.judge(subjectOf(rule, 'cpu', { host }), { active: active || host === 'b', value: 95, threshold: 90 })
    expect(notices.map(({ status, labels }) => `${labels['exported_host']} ${status}`)).toEqual([
      'a firing',
      'b firing',
      'a resolved',
    ])
  })
})
