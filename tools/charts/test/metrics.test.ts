import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Metric } from '@armature/telemetry/metric'
import { prometheusName } from '@armature/telemetry/prometheus'
import { expect, test } from 'vitest'
import { appCharts, chartsFolder } from './app-charts.ts'

const root = join(chartsFolder, '..')

/** The names under which Prometheus knows what the projects of this workspace declare. */
const exported = new Set<string>(['up'])
for (const path of globSync('{apps,libs}/*/src/*-metrics.ts', { cwd: root })) {
  const registries = (await import(pathToFileURL(join(root, path)).href)) as Readonly<Record<string, object>>
  for (const metric of Object.values(registries).flatMap((registry) => Object.values(registry) as Metric[])) {
    const name = prometheusName(metric)
    for (const suffix of ['', '_bucket', '_count', '_sum']) exported.add(`${name}${suffix}`)
  }
}

const unknownIn = (text: string): readonly string[] =>
  [...text.matchAll(/([a-z_]+)\{(?:namespace=|%s)/g)].map(([, name = '']) => name).filter((name) => !exported.has(name))

test.each(appCharts)('the dashboard of %s shows metrics that there are', (chart) => {
  const text = readFileSync(join(chartsFolder, chart, 'dashboard.json'), 'utf8')
  expect(text).toMatch(/ledger_in_flight\{namespace=/)
  expect(unknownIn(text)).toEqual([])
})

test('the rules of Prometheus look at metrics that there are', () => {
  const text = readFileSync(join(chartsFolder, 'service/templates/_monitoring.tpl'), 'utf8')
  expect(text).toMatch(/ledger_dropped_total\{%s\}/)
  expect(unknownIn(text)).toEqual([])
})
