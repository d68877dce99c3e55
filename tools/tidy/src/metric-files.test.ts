import { defineMetrics, type Metric } from '@armature/telemetry/metric'
import { expect, test } from 'vitest'
import { declaredMetrics, metricFilesOf, type MetricFile } from './metric-files.ts'
import { treeOf } from './tree.ts'

const one = 'apps/one/src/one-metrics.ts'
const two = 'libs/two/src/two-metrics.ts'

const check = (files: readonly MetricFile[], texts: Readonly<Record<string, string>> = {}) =>
  declaredMetrics(async () => files)(treeOf(texts))

const metric = (name: string, changes: Partial<Metric> = {}): Metric => ({
  name,
  kind: 'counter',
  unit: '{call}',
  help: 'Calls',
  labels: [],
  ...changes,
})

test('the files that declare metrics are found by their names', () => {
  const tree = treeOf({ [one]: '', [two]: '', 'libs/two/src/metrics.ts': '', 'libs/two/test/a-metrics.ts': '' })
  expect(metricFilesOf(tree)).toEqual([one, two])
})

test('metrics with names of their own are accepted', async () => {
  const { a, b } = defineMetrics({
    a: { kind: 'timer', unit: 'ms', help: 'Duration of a', labels: ['error.type'] },
    b: { kind: 'gauge', unit: 'By', help: 'Size of b', labels: [] },
  })
  const files = [
    { path: one, metrics: [a, b] },
    { path: two, metrics: [metric('c_total')] },
  ]
  expect(await check(files, { [one]: 'export const x = defineMetrics({})' })).toEqual([])
})

test.each<[string, Metric, string]>([
  ['a name that is there twice', metric('a_total'), 'also in apps/one'],
  ['one that Prometheus does not tell from another', metric('a'), 'exported as a_total'],
  ['a name with capitals', metric('cCalls'), 'does not take'],
  ['a label with a hyphen', metric('c', { labels: ['error-type'] }), 'error-type'],
  ['a help with a full stop', metric('c', { help: 'Calls.' }), 'full stop'],
  ['a timer in bytes', metric('c', { kind: 'timer', unit: 'By' }), 'timers are in ms'],
])('%s is rejected', async (_what, second, problem) => {
  const files = [
    { path: one, metrics: [metric('a_total')] },
    { path: two, metrics: [second] },
  ]
  expect(await check(files)).toMatchObject([{ path: two, problem: expect.stringContaining(problem) }])
})

test('the parts of a histogram are names too', async () => {
  const timer = metric('c', { kind: 'timer', unit: 'ms' })
  const files = [
    { path: one, metrics: [timer] },
    { path: two, metrics: [metric('c_seconds_count', { kind: 'gauge', unit: '1' })] },
  ]
  expect(await check(files)).toHaveLength(1)
})

test('an order that is not alphabetical, and a file without metrics, are rejected', async () => {
  const files = [
    { path: one, metrics: [metric('b'), metric('a')] },
    { path: two, metrics: [] },
  ]
  expect((await check(files)).map(({ problem }) => problem)).toEqual([
    expect.stringContaining('alphabetical'),
    expect.stringContaining('no metrics'),
  ])
})

test('metrics that the table would not find are rejected, but tests may declare their own', async () => {
  const text = 'const x = defineMetrics({})'
  const violations = await check([], { 'libs/two/src/two.ts': text, 'libs/two/test/demo.ts': text })
  expect(violations).toMatchObject([{ path: 'libs/two/src/two.ts' }])
})
