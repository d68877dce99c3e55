import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { format } from 'prettier'
import { stringify } from 'yaml'
import { readAppSettings } from './app-settings.ts'
import type { Chart } from './chart.ts'
import { type ChartFacts, readChartFacts } from './chart-facts.ts'
import { chartReadme } from './chart-readme.ts'
import { chartValues } from './chart-values.ts'
import { settingsFile } from './config-values.ts'
import { dashboard } from './dashboard.ts'
import { type MeasuredMemory, readMeasuredMemory } from './measured-memory.ts'
import { valuesJsonSchema } from './values-json-schema.ts'
import { valuesTree } from './values-tree.ts'
import { valuesYaml } from './values-yaml.ts'

/** Files by their path in the folder of a chart. */
export type ChartFiles = Readonly<Record<string, string>>

const generated = 'Written by npm run tables from the settings of the app and helm/APP/chart.json.'

/** All files of the chart of an app, but its tests and the link to the library chart. */
export const chartFiles = async (chart: Chart): Promise<ChartFiles> => {
  const nodes = valuesTree(chartValues(chart))
  const texts = {
    'Chart.yaml': chartYaml(chart),
    'values.yaml': valuesYaml(nodes, generated.replace('APP', chart.facts.name)),
    'values.schema.json': json(valuesJsonSchema(chart)),
    'settings.json': json(settingsFile(chart)),
    'dashboard.json': json(dashboard(chart.facts)),
    'README.md': chartReadme(chart, nodes),
  }
  const formatted = await Promise.all(
    Object.entries(texts).map(async ([path, text]) => [path, await formattedText(path, text)] as const),
  )
  return {
    ...Object.fromEntries(formatted),
    'templates/all.yaml': '{{- include "service.all" . }}\n',
    'templates/NOTES.txt': '{{- include "service.notes" . }}\n',
    '.helmignore': 'tests/\nci/\nchart.json\n',
  }
}

/** The charts of all apps in this workspace. The chart of an app that was deleted is left out. */
export const readCharts = (root: string): Promise<readonly Chart[]> => {
  const memory = readMeasuredMemory(root)
  const isHere = ({ name }: ChartFacts) => existsSync(join(root, 'apps', name, 'package.json'))
  return Promise.all(
    readChartFacts(root)
      .filter(isHere)
      .map((facts) => readChart(root, facts, memory)),
  )
}

const readChart = async (
  root: string,
  facts: ChartFacts,
  measured: Readonly<Record<string, MeasuredMemory>>,
): Promise<Chart> => {
  const [memory, shipperMemory] = [measured[facts.name], measured['log-shipper']]
  if (memory === undefined || shipperMemory === undefined)
    throw new Error(`helm/memory.json has no measurement of ${facts.name} or of log-shipper: add it`)
  const manifest = JSON.parse(readFileSync(join(root, 'apps', facts.name, 'package.json'), 'utf8')) as {
    version: string
  }
  return { facts, memory, shipperMemory, settings: await readAppSettings(root, facts.name), version: manifest.version }
}

const chartYaml = ({ facts, version }: Chart): string =>
  stringify({
    apiVersion: 'v2',
    name: facts.name,
    description: facts.description,
    type: 'application',
    version,
    appVersion: version,
    // The sleep of preStop.
    kubeVersion: '>=1.30.0-0',
    dependencies: [{ name: 'service', version, repository: 'file://../service' }],
  })

const json = (value: unknown): string => JSON.stringify(value, null, 2)

const style = { semi: false, singleQuote: true, printWidth: 120, trailingComma: 'all' } as const

const formattedText = (path: string, text: string): Promise<string> => format(text, { ...style, filepath: path })
