import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runHelm } from './run-helm.ts'

const charts = join(import.meta.dirname, '../../../helm')
const apps = readdirSync(charts, { recursive: false, withFileTypes: true })
  .filter((entry) => entry.isDirectory() && readdirSync(join(charts, entry.name)).includes('chart.json'))
  .map(({ name }) => name)

test.each(apps)('helm lint --strict passes helm/%s', { timeout: 60_000 }, async (app) => {
  expect(await runHelm('lint', '--strict', join(charts, app))).toContain('0 chart(s) failed')
})
