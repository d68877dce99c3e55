import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { chartsFolder, chartsWithValues, isWhole } from './app-charts.ts'
import { helmDeadlineMs, type Manifest, manifests, rendered } from './run-helm.ts'

const valuesOf = (chart: string, values: string) => ['--values', join(chartsFolder, chart, values)]

test.each(chartsWithValues)(
  '%s with %s renders the same twice',
  { timeout: 2 * helmDeadlineMs },
  async (chart, values) => {
    const flags = valuesOf(chart, values)
    expect(await rendered(chart, ...flags)).toBe(await rendered(chart, ...flags))
  },
)

test('no template asks the cluster or chance', () => {
  const unsteady = /\b(lookup|rand\w+|uuidv4|now|gen\w+|derivePassword|htpasswd|bcrypt)\b/
  const notCode = /\/\*[^]*?\*\/|"[^"]*"/g
  const actionsOf = (path: string) => {
    const text = readFileSync(join(chartsFolder, path), 'utf8')
    return [...text.matchAll(/\{\{[^]*?\}\}/g)].map(([action]) => ({ path, action: action.replaceAll(notCode, '') }))
  }
  const actions = globSync('**/templates/**/*.{tpl,yaml,txt}', { cwd: chartsFolder }).flatMap(actionsOf)
  expect(actions.length).toBeGreaterThan(100)
  expect(actions.filter(({ action }) => unsteady.test(action))).toEqual([])
})

describe.runIf(isWhole)('the checksum of a pod', { timeout: 2 * helmDeadlineMs }, () => {
  const checksum = async (...flags: string[]) => {
    const objects = await manifests('search-service', ...valuesOf('search-service', 'ci/least-values.yaml'), ...flags)
    const pod = objects.find(({ kind }) => kind === 'Deployment')?.spec?.['template'] as Manifest
    return pod.metadata.annotations?.['checksum/config']
  }

  test('stays with a hot setting, which rolls no pod', async () => {
    const before = await checksum()
    expect(before).toMatch(/^[\da-f]{64}$/)
    expect(await checksum('--set', 'config.logLevel=debug')).toBe(before)
  })

  test('changes with any other setting', async () => {
    expect(await checksum('--set', 'config.maxInFlight=7')).not.toBe(await checksum())
  })

  test('changes with a file', async () => {
    expect(await checksum('--set', 'configFiles.rules=x')).not.toBe(await checksum())
  })
})
