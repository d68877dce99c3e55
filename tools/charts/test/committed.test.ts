import { existsSync, lstatSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { chartFiles, readCharts } from '../src/chart-files.ts'

const root = join(import.meta.dirname, '../../..')
const charts = await readCharts(root)

describe.each(charts.map((chart) => [chart.facts.name, chart] as const))('helm/%s', (name, chart) => {
  const folder = join(root, 'helm', name)

  test('is what its app and its facts make it: else npm run tables writes it anew', async () => {
    const wanted = await chartFiles(chart)
    const committed = Object.keys(wanted).map((path) => {
      const place = join(folder, path)
      return [path, existsSync(place) ? readFileSync(place, 'utf8') : undefined]
    })
    expect(Object.fromEntries(committed)).toEqual(wanted)
  })

  test('has the library chart beside it, so that it can be installed from a clone', () => {
    const link = join(folder, 'charts/service')
    expect(lstatSync(link).isSymbolicLink()).toBe(true)
    expect(readlinkSync(link)).toBe('../../service')
  })
})
