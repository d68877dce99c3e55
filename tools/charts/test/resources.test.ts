import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { readMeasuredMemory } from '../src/measured-memory.ts'
import { appCharts, chartsFolder } from './app-charts.ts'

interface Resources {
  readonly requests: { readonly memory: string }
  readonly limits: { readonly memory: string }
}

const measured = readMeasuredMemory(join(chartsFolder, '..'))
const mebibytes = (quantity: string) => Number(/^(\d+)Mi$/.exec(quantity)?.[1])

const expectRoom = ({ requests, limits }: Resources, app: string) => {
  const { startMiB, loadMiB } = measured[app] ?? { startMiB: NaN, loadMiB: NaN }
  expect(mebibytes(requests.memory) / startMiB).toBeGreaterThanOrEqual(1.5)
  expect(mebibytes(requests.memory) / startMiB).toBeLessThan(1.6)
  expect(mebibytes(limits.memory) / loadMiB).toBeGreaterThanOrEqual(1.5)
  expect(mebibytes(limits.memory) / loadMiB).toBeLessThan(1.6)
}

test.each(appCharts)('%s asks for half as much memory again as was measured', (app) => {
  const values = parse(readFileSync(join(chartsFolder, app, 'values.yaml'), 'utf8')) as {
    resources: Resources
    logShipping?: { resources: Resources }
  }
  expectRoom(values.resources, app)
  if (values.logShipping !== undefined) expectRoom(values.logShipping.resources, 'log-shipper')
})
