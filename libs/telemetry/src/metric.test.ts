import { expect, test } from 'vitest'
import { defineMetrics } from './metric.ts'
import { createMetrics } from './metrics.ts'

const declared = defineMetrics({
  calls_total: { kind: 'counter', unit: '{call}', help: 'Calls', labels: ['method'] },
  call: { kind: 'timer', unit: 'ms', help: 'Duration of calls', labels: [] },
})

test('a declared metric knows its name', () => {
  expect(declared.calls_total).toEqual({
    name: 'calls_total',
    kind: 'counter',
    unit: '{call}',
    help: 'Calls',
    labels: ['method'],
  })
})

test('what is not declared does not compile: a name, a label, another kind', () => {
  const metrics = createMetrics({ service: 'demo' })
  // @ts-expect-error -- no metric has this name
  expect(declared.misspelled_total).toBeUndefined()
  // @ts-expect-error -- a name is no metric
  expect(() => metrics.value('calls_total')).toThrow(TypeError)
  // @ts-expect-error -- a timer is not counted
  metrics.count(declared.call)
  // @ts-expect-error -- the metric has no such label
  metrics.count(declared.calls_total, 1, { user: 'one' })
  metrics.count(declared.calls_total, 1, { method: 'get' })
  expect(metrics.value(declared.calls_total, { method: 'get' })).toBe(1)
})

test('two libraries that declare the same metric record it as one', () => {
  const again = defineMetrics({ calls_total: { kind: 'counter', unit: '{call}', help: 'Calls', labels: ['method'] } })
  const metrics = createMetrics({ service: 'demo' })
  metrics.count(declared.calls_total)
  metrics.count(again.calls_total)
  expect(metrics.value(declared.calls_total)).toBe(2)
  expect(metrics.collect()).toHaveLength(1)
})

test('a metric that was only asked for is not exported', () => {
  const metrics = createMetrics({ service: 'demo' })
  expect(metrics.value(declared.calls_total)).toBe(0)
  const remove = metrics.observe(declared.calls_total, () => 1)
  expect(metrics.expose()).toContain('calls_total 1')
  remove()
  expect(metrics.expose()).toBe('')
})
