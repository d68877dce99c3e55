import { join } from 'node:path'
import { expect, test } from 'vitest'
import { chartsFolder, chartsWithValues } from './app-charts.ts'
import { helmDeadlineMs, runHelm } from './run-helm.ts'

test.each(chartsWithValues)(
  'helm lint --strict passes %s with %s',
  { timeout: helmDeadlineMs },
  async (chart, values) => {
    const folder = join(chartsFolder, chart)
    expect(await runHelm('lint', '--strict', folder, '--values', join(folder, values))).toContain('0 chart(s) failed')
  },
)
