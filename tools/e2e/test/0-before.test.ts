import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { describe, expect, test } from 'vitest'
import { tryExecute } from '../src/execute.ts'
import { chart, space, testValues } from '../src/world.ts'

const root = join(import.meta.dirname, '../../..')

describe('armature doctor', () => {
  const doctor = (...values: readonly string[]) => {
    const flags = ['--namespace', space.namespace, '--chart', chart, '--values', testValues]
    const more = values.flatMap((file) => ['--values', file])
    return tryExecute(process.execPath, [join(root, 'tools/cli/src/main.ts'), 'doctor', ...flags, ...more])
  }

  test('finds nothing missing for the values of these tests', async () => {
    const { code, stdout, stderr } = await doctor()
    expect(code, `${stdout}${stderr}`).toBe(0)
  })

  test('names a Secret and the kinds of operators that the cluster lacks, and creates nothing', async () => {
    const [external, operators] = ['external', 'operators'].map((name) => join(root, `k8s/values/${name}.yaml`))
    const missingSecret = await doctor(String(external))
    expect(missingSecret.code).not.toBe(0)
    expect(missingSecret.stdout).toMatch(/^FAIL +secrets .*Secret/m)
    const missingKinds = await doctor(String(operators))
    expect(missingKinds.code).not.toBe(0)
    expect(missingKinds.stdout).toMatch(/^FAIL +APIs .*strimzi/m)
    expect(await space.list('secrets')).toEqual([])
  })
})

describe('a server-side dry run', () => {
  interface Manifest {
    readonly apiVersion: string
    readonly kind: string
    readonly metadata: { readonly name: string; readonly namespace?: string }
  }
  const manifestsOf = async (profile: string): Promise<readonly Manifest[]> =>
    parseAllDocuments(await readFile(join(root, `k8s/rendered/${profile}.yaml`), 'utf8'))
      .map((document) => document.toJS() as Manifest | null)
      .filter((manifest) => manifest !== null)

  test.each(['laptop', 'operators', 'external'])('of the profile %s is accepted without a warning', async (profile) => {
    const manifests = await manifestsOf(profile)
    const known = new Set<string>()
    for (const apiVersion of new Set(manifests.map((manifest) => manifest.apiVersion))) {
      const path = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
      if ((await tryExecute('kubectl', ['get', '--raw', path])).code === 0) known.add(apiVersion)
    }
    const [checked, unknown] = [
      manifests.filter(({ apiVersion }) => known.has(apiVersion)),
      manifests.filter(({ apiVersion }) => !known.has(apiVersion)),
    ]
    if (unknown.length > 0) {
      const kinds = [...new Set(unknown.map(({ apiVersion, kind }) => `${kind} of ${apiVersion}`))]
      console.log(`${profile}: NOT CHECKED, since this cluster does not know them: ${kinds.join(', ')}`)
    }
    const items = checked.map((manifest) => ({
      ...manifest,
      metadata: {
        ...manifest.metadata,
        ...(manifest.metadata.namespace === undefined ? {} : { namespace: space.namespace }),
      },
    }))
    const { code, stdout, stderr } = await tryExecute(
      'kubectl',
      ['--namespace', space.namespace, 'apply', '--dry-run=server', '--output=name', '--filename', '-'],
      { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) },
    )
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.trim().split('\n')).toHaveLength(checked.length)
  })
})
