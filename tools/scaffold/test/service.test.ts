import { join } from 'node:path'
import { helm } from '@armature/servers/clients'
import { execute } from '@armature/servers/execute'
import { serverDeadlineMs, skipped } from '@armature/servers/fixture'
import { helmUnittest } from '@armature/servers/helm-unittest'
import { describe, expect, test } from 'vitest'
import { openCopy } from './workspace-copy.ts'

const seconds = (fromMs: number): string => `${((performance.now() - fromMs) / 1_000).toFixed(1)} s`

describe.skipIf(skipped('kafka') || skipped('postgres'))('a generated service', () => {
  test(
    'is tested on real servers, built, linted and rendered, and removed without a trace',
    { timeout: serverDeadlineMs },
    async () => {
      const { folder, run, generate, status } = openCopy()
      const beginMs = performance.now()
      const options = ['--api=grpc', '--consumes=kafka:orders', '--store=postgres', '--owner=payments']
      await generate('service', 'billing', ...options)
      console.log(`nx g service: ${seconds(beginMs)}`)
      const passed = await run('vitest', 'run', '--root=apps/billing', '--testTimeout=60000')
      expect(passed).toMatch(/Tests +[4-9] passed/)
      console.log(`nx g service to its tests passing: ${seconds(beginMs)}`)

      await run('nx', 'sync:check')
      await run('prettier', '--check', 'apps/billing', 'helm/billing', 'helm/platform', 'README.md', 'CHANGELOG.md')
      await run('tsc', '--build', 'apps/billing', '--emitDeclarationOnly')
      await run('eslint', '--max-warnings=0', 'apps/billing')
      await run('buf', 'lint', 'apps/billing/proto')
      await run('nx', 'build', 'billing')
      const values = (name: string) => ['--values', join(folder, `helm/billing/ci/${name}-values.yaml`)]
      const version = ['--kube-version', '1.34.0']
      const chart = join(folder, 'helm/billing')
      for (const name of ['least', 'most'])
        await execute(await helm(), ['lint', '--strict', chart, ...values(name), ...version], { deadlineMs: 60_000 })
      const platform = [
        'template',
        'platform',
        join(folder, 'helm/platform'),
        '--set',
        'billing.enabled=true,backends.kafka.mode=embedded',
        ...version,
      ]
      const rendered = await execute(await helm(), platform, { deadlineMs: 60_000 })
      expect(rendered).toContain('name: platform-billing-to-kafka\n')
      const suites = ['--strict', '--with-subchart=false', '--file', 'tests/*.yaml', 'billing']
      await execute(await helmUnittest(), suites, { deadlineMs: 60_000, cwd: join(folder, 'helm') })

      await generate('remove', 'billing', '--force')
      expect(status()).toBe('')
    },
  )
})
