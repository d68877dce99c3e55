import { execute } from '@armature/servers/execute'
import { helmUnittest } from '@armature/servers/helm-unittest'
import { expect, test } from 'vitest'
import { appCharts, chartsFolder } from './app-charts.ts'

const deadlineMs = 300_000

/** The suites of the library chart are run with the chart that has most of its branches. */
const ofLibrary = ['--file', '../service/tests/*.yaml']

test.each(appCharts)('helm-unittest passes helm/%s', { timeout: deadlineMs }, async (chart) => {
  const files = ['--file', 'tests/*.yaml', ...(chart === 'search-service' ? ofLibrary : [])]
  const args = ['--strict', '--with-subchart=false', ...files, chart]
  expect(await execute(await helmUnittest(), args, { deadlineMs, cwd: chartsFolder })).toMatch(
    /Tests: +[1-9]\d* passed/,
  )
})
