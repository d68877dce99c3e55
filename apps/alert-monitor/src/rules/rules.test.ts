import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { problemLine } from '@armature/config/yaml-file'
import { describe, expect, test } from 'vitest'
import { expressionOf } from './expression.ts'
import { matches } from './pattern.ts'
import { parseRules, readRulesFile, rulesJsonSchema, RulesError } from './rules-file.ts'
import { defaultRules } from './rules.ts'

const threshold = { type: 'threshold', name: 'slow', metric: 'search', stat: 'p99', op: '>', value: 500 }
const rate = { type: 'rate', name: 'errors', metric: '*.errors', op: '>=', value: 1 }
const absence = { type: 'absence', name: 'silent', metric: 'heartbeat', forMs: 60_000 }
const quantile = { type: 'quantile', name: 'tail', metric: 'search', q: 0.999, op: '>', value: 500 }
const predicted = { type: 'predict-linear', name: 'full', metric: 'disk', inMs: 14_400_000, op: '<', value: 0 }
const ratio = { type: 'ratio', name: 'failing', metric: 'errors', denominator: 'requests', op: '>', value: 0.05 }
const anomaly = { type: 'anomaly', name: 'stall', metric: 'search', minDeviation: 250 }

const parse = (rules: unknown) => parseRules(JSON.stringify({ rules }), 'rules.json')
const faultsOf = (text: string) => {
  try {
    parseRules(text, 'rules.json')
  } catch (error) {
    if (error instanceof RulesError) return error.problems.map(({ path }) => path)
    throw error
  }
  return []
}

describe('rules that fit', () => {
  test.each([
    [threshold],
    [rate],
    [absence],
    [quantile],
    [predicted],
    [ratio],
    [anomaly],
    [{ ...threshold, severity: 'critical', labels: { team: 'maps' } }],
    [{ ...threshold, metric: 'job:hits:rate5m' }],
  ])('%j', (rule) => {
    expect(parse([rule])).toMatchObject([rule])
  })

  test('defaults are filled in', () => {
    expect(parse([threshold, anomaly])).toMatchObject([
      { severity: 'warning', labels: {}, windowMs: 60_000, forMs: 0, keepFiringForMs: 0 },
      { score: 8, direction: 'up', keepFiringForMs: 30_000 },
    ])
    expect(parse([{ ...anomaly, minDeviation: undefined }])).toMatchObject([{ minScore: 0.9999, direction: 'both' }])
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
    [{ ...threshold, metric: 'a|b' }, 'rules[0].metric'],
    [{ ...threshold, stat: 'p42' }, 'rules[0].stat'],
    [{ ...threshold, op: '==' }, 'rules[0].op'],
    [{ ...threshold, value: '500' }, 'rules[0].value'],
    [{ ...threshold, value: null }, 'rules[0].value'],
    [{ ...threshold, windowMs: 10 }, 'rules[0].windowMs'],
    [{ ...threshold, forMs: -1 }, 'rules[0].forMs'],
    [{ ...threshold, severity: 'page' }, 'rules[0].severity'],
    [{ ...threshold, typo: 1 }, 'rules[0].typo'],
    [{ ...threshold, for: '5' }, 'rules[0].for'],
    [{ ...threshold, for: '5m', forMs: 300_000 }, 'rules[0].forMs'],
    [{ ...threshold, window: '25h' }, 'rules[0].window'],
    [{ ...threshold, clear: 501 }, 'rules[0].clear'],
    [{ ...threshold, op: '<', clear: 499 }, 'rules[0].clear'],
    [{ ...quantile, q: 99 }, 'rules[0].q'],
    [{ ...predicted, inMs: undefined }, 'rules[0].in'],
    [{ ...ratio, metric: '*.errors' }, 'rules[0].metric'],
    [{ ...ratio, minDenominator: 0 }, 'rules[0].minDenominator'],
    [{ ...absence, forMs: undefined }, 'rules[0].for'],
    [{ ...absence, forMs: 0 }, 'rules[0].forMs'],
    [{ ...anomaly, minDeviation: 0 }, 'rules[0].minDeviation'],
    [{ ...anomaly, warmUpSamples: 300 }, 'rules[0].warmUpSamples'],
    [{ ...anomaly, minScore: 0.999 }, 'rules[0].minScore'],
    [{ ...anomaly, minDeviation: undefined, score: 9 }, 'rules[0].score'],
    [{ ...anomaly, minDeviation: undefined, minScore: 1 }, 'rules[0].minScore'],
    [{ ...anomaly, forMs: 5_000 }, 'rules[0].forMs'],
    [{ name: 'x', metric: 'y' }, 'rules[0].type'],
    [{ ...threshold, type: 'other' }, 'rules[0].type'],
  ])('%j', (rule, path) => {
    expect(faultsOf(JSON.stringify({ rules: [rule] }))).toEqual([path])
  })

  test.each(['where', 'labels'])(
    'bug: the key __proto__ of %s was dropped, so that the rule judged other series',
    (field) => {
      const text = JSON.stringify({ rules: [{ ...threshold, [field]: { ['__proto__']: 'x' } }] })
      expect(faultsOf(text)).toEqual([`rules[0].${field}.__proto__`])
    },
  )

  test.each([['{"rules": [1 2]}'], ['[]'], ['{}'], ['null'], ['{"rules": [], "more": 1}']])('%s', (text) => {
    expect(faultsOf(text)).toHaveLength(1)
  })

  test('all faults are told together, each with its place; the error names the file', () => {
    const rules = [{ ...threshold, op: '==', value: 'x' }, rate, { ...rate, type: 'absence' }, { ...rate }]
    const text = JSON.stringify({ rules })
    expect(faultsOf(text)).toEqual(expect.arrayContaining(['rules[0].op', 'rules[0].value', 'rules[2].for']))
    expect(() => parseRules(text, 'rules.json')).toThrow(/^\d+ fault.*\n {2}rules\.json:1:/)
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
  expect(matches(pattern, name)).toBe(matched)
})

test('a pattern of many stars takes no exponential time', () => {
  expect(matches('*a'.repeat(100), `${'a'.repeat(10_000)}b`)).toBe(false)
})

test('a rule reads as one line', () => {
  const rules = [threshold, rate, absence, anomaly, { ...quantile, where: { host: 'db*' }, clear: 400, forMs: 90_000 }]
  expect(parse([...rules, predicted, ratio]).map(expressionOf)).toEqual([
    'p99(search) > 500 over 1m',
    'rate(*.errors) >= 1/s over 1m',
    'absent(heartbeat) for 1m',
    'anomaly(search) beyond 250 and 8 deviations',
    'quantile(0.999, search{host=db*}) > 500 until 400 over 1m for 1m30s',
    'predict-linear(disk, 4h) < 0 over 1m',
    'sum(errors) / sum(requests) > 0.05 over 1m',
  ])
})

describe('a file of YAML', () => {
  const file = `rules:
  - type: threshold
    name: slow
    metric: search
    stat: p99
    op: '>'
    value: 500
    window: 5m
    for: 1m30s
    keepFiringFor: 30s
    summary: '{labels.host}: {vaule} ms'
`

  test('holds the times that people write', () => {
    expect(parseRules(file, 'r.yaml')).toMatchObject([{ windowMs: 300_000, forMs: 90_000, keepFiringForMs: 30_000 }])
  })

  test('is refused with line, column and the nearest key', () => {
    const lines = (text: string) => readRulesFile(text).problems.map((each) => problemLine('r.yaml', each))
    expect(lines(file.replace('window:', 'windwo:'))).toEqual([
      'r.yaml:8:5: error: rules[0].windwo is no key here: did you mean window?',
    ])
    expect(lines(file.replace('type: threshold', 'type: treshold'))[0]).toMatch(
      /^r\.yaml:2:11: error: rules\[0\]\.type is none of threshold, .*: did you mean threshold\?$/,
    )
    expect(lines(file)).toEqual([
      'r.yaml:11:14: warning: rules[0].summary has {vaule}, which stays as it is: did you mean {value}?',
    ])
  })
})

test('the schema in the repository is that of the code', async () => {
  const path = fileURLToPath(new URL('../../rules.schema.json', import.meta.url))
  expect(
    JSON.parse(await readFile(path, 'utf8')),
    'write it anew: npx alert-monitor schema > apps/alert-monitor/rules.schema.json',
  ).toEqual(JSON.parse(JSON.stringify(rulesJsonSchema())))
})
