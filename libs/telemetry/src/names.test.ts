import { expect, test } from 'vitest'
import { metricNames, type MetricDefinition } from './names.ts'
import { prometheusName } from './prometheus.ts'

const definitions: [string, MetricDefinition][] = Object.entries(metricNames)

test.each(definitions)('%s is spelled so that StatsD, Prometheus and OpenTelemetry take it', (name, definition) => {
  expect(name).toMatch(/^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$/)
  for (const label of definition.labels) expect(label).toMatch(/^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$/)
  expect(definition.help).toMatch(/^[A-Z].*[^.]$/)
  if (definition.kind === 'timer') expect(definition.unit).toBe('ms')
})

test('no two are exported under one name to Prometheus', () => {
  const exported = definitions.flatMap(([name, definition]) => {
    const own = prometheusName(name, definition)
    return definition.kind === 'timer' || definition.kind === 'histogram'
      ? [own, `${own}_count`, `${own}_sum`, `${own}_bucket`]
      : [own]
  })
  expect(new Set(exported).size).toBe(exported.length)
})

test('they are listed in alphabetical order', () => {
  const names = definitions.map(([name]) => name)
  expect(names).toEqual([...names].sort())
})
