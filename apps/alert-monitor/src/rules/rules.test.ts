import { describe, expect, test } from 'vitest'
import { defaultRules, expressionOf, metricMatches, parseRules, RulesError } from './rules.ts'

const threshold = { type: 'threshold', name: 'slow', metric: 'search', stat: 'p99', op: '>', value: 500 }
const rate = { type: 'rate', name: 'errors', metric: '*.errors', op: '>=', value: 1 }
const absence = { type: 'absence', name: 'silent', metric: 'heartbeat', forMs: 60_000 }
const anomaly = { type: 'anomaly', name: 'stall', metric: 'search', minDeviation: 250 }

const parse = (rules: unknown) => parseRules(JSON.stringify({ rules }), 'rules.json')
const faultsOf = (text: string) => {
  try {
    parseRules(text, 'rules.json')
  } catch (error) {
    if (error instanceof RulesError) return error.faults.map(({ path }) => path)
    throw error
  }
  return []
}

describe('rules that fit', () => {
  test.each([
    [threshold],
    [rate],
    [absence],
    [anomaly],
    [{ ...threshold, severity: 'critical', labels: { team: 'maps' } }],
  ])('%j', (rule) => {
    expect(parse([rule])).toMatchObject([rule])
  })

  test('defaults are filled in', () => {
    expect(parse([threshold, anomaly])).toMatchObject([
      { severity: 'warning', labels: {}, windowMs: 60_000, forMs: 0, keepFiringForMs: 0 },
      { score: 8, direction: 'up', keepFiringForMs: 30_000 },
    ])
    expect(parse([])).toEqual([])
    expect(defaultRules.map(({ name }) => name)).toEqual(['dead-letters', 'many-errors'])
  })
})

describe('rules that do not', () => {
  test.each([
    [{ ...threshold, name: 'alerts.>' }, 'rules[0].name'],
    [{ ...threshold, name: 'a.b' }, 'rules[0].name'],
    [{ ...threshold, name: '' }, 'rules[0].name'],
    [{ ...threshold, name: 'x'.repeat(65) }, 'rules[0].name'],
    [{ ...threshold, metric: 'a b' }, 'rules[0].metric'],
    [{ ...threshold, stat: 'p42' }, 'rules[0].stat'],
    [{ ...threshold, op: '==' }, 'rules[0].op'],
    [{ ...threshold, value: '500' }, 'rules[0].value'],
    [{ ...threshold, value: null }, 'rules[0].value'],
    [{ ...threshold, windowMs: 10 }, 'rules[0].windowMs'],
    [{ ...threshold, forMs: -1 }, 'rules[0].forMs'],
    [{ ...threshold, severity: 'page' }, 'rules[0].severity'],
    [{ ...threshold, typo: 1 }, 'rules[0]'],
    [{ ...absence, forMs: 0 }, 'rules[0].forMs'],
    [{ ...anomaly, minDeviation: 0 }, 'rules[0].minDeviation'],
    [{ ...anomaly, warmUpSamples: 300 }, 'rules[0].warmUpSamples'],
    [{ ...anomaly, forMs: 5_000 }, 'rules[0]'],
    [{ name: 'x', metric: 'y' }, 'rules[0].type'],
    [{ ...threshold, type: 'other' }, 'rules[0].type'],
  ])('%j', (rule, path) => {
    expect(faultsOf(JSON.stringify({ rules: [rule] }))).toEqual([path])
  })

  test.each([['{"rules": ['], ['[]'], ['{}'], ['null'], ['{"rules": [], "more": 1}']])('%s', (text) => {
    expect(faultsOf(text)).toHaveLength(1)
  })

  test('all faults are told together, each with its place; the error names the file', () => {
    const rules = [{ ...threshold, op: '==', value: 'x' }, rate, { ...rate, type: 'absence' }, { ...rate }]
    const text = JSON.stringify({ rules })
    expect(faultsOf(text)).toEqual(expect.arrayContaining(['rules[0].op', 'rules[0].value', 'rules[2].forMs']))
    expect(() => parseRules(text, 'rules.json')).toThrow(/^rules\.json: \d+ fault/)
  })

  test('two rules of one name', () => {
    expect(faultsOf(JSON.stringify({ rules: [threshold, rate, { ...absence, name: 'slow' }] }))).toEqual([
      'rules[2].name',
    ])
  })
})

test.each([
  ['search', 'search', true],
  ['search', 'search2', false],
  ['*search', 'search', true],
  ['*search', 'search-service.search', true],
  ['*search', 'search.errors', false],
  ['a*b*c', 'abc', true],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'acb', false],
  ['a*a', 'a', false],
  ['*', '', true],
  ['*x*', 'axb', true],
  ['a.c', 'abc', false],
])('%s against %s: %s', (pattern, name, matched) => {
  expect(metricMatches(pattern, name)).toBe(matched)
})

test('a pattern of many stars takes no exponential time', () => {
  expect(metricMatches('*a'.repeat(100), `${'a'.repeat(10_000)}b`)).toBe(false)
})

test('a rule reads as one line', () => {
  expect(parse([threshold, rate, absence, anomaly]).map(expressionOf)).toEqual([
    'p99(search) > 500 over 60 s',
    'rate(*.errors) >= 1/s over 60 s',
    'absent(heartbeat) for 60 s',
    'anomaly(search) beyond 250 and 8 deviations',
  ])
})
