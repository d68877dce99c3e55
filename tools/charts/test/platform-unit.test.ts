import { execute } from '@armature/servers/execute'
import { helmUnittest } from '@armature/servers/helm-unittest'
import { expect, test } from 'vitest'
import { platform } from './render-platform.ts'
import { isWhole } from './app-charts.ts'

const deadlineMs = 600_000

test.runIf(isWhole)('helm-unittest passes helm/platform', { timeout: deadlineMs }, async () => {
  const args = ['--strict', '--with-subchart=false', '--file', 'tests/*.yaml', platform]
  expect(await execute(await helmUnittest(), args, { deadlineMs })).toMatch(/Tests: +[1-9]\d* passed/)
})
