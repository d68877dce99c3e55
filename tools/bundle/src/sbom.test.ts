import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Metafile } from 'esbuild'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sbomOf } from './sbom.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sbom-'))
})
afterEach(() => rm(folder, { recursive: true }))

const manifestAt = async (home: string, manifest: object) => {
  await mkdir(join(folder, home), { recursive: true })
  await writeFile(join(folder, home, 'package.json'), JSON.stringify(manifest))
}

/** What esbuild tells of sources, with the bytes that each has in the one output, and their imports. */
const metafile = (sources: Readonly<Record<string, { bytes: number; imports?: string[] }>>): Metafile => ({
  inputs: Object.fromEntries(
    Object.entries(sources).map(([path, { imports = [] }]) => [
      path,
      { bytes: 1, imports: imports.map((one) => ({ path: one, kind: 'import-statement' as const })) },
    ]),
  ),
  outputs: {
    'dist/main.js': {
      ...{ bytes: 1, imports: [], exports: [] },
      inputs: Object.fromEntries(Object.entries(sources).map(([path, { bytes }]) => [path, { bytesInOutput: bytes }])),
    },
  },
})

const sbom = async (sources: Parameters<typeof metafile>[0]) => {
  const manifest = { name: '@armature/one', version: '1.2.3' }
  await manifestAt('.', manifest)
  const text = await sbomOf({ metafile: metafile(sources), folder, manifest, ownLicense: 'Apache-2.0' })
  return JSON.parse(text) as {
    readonly metadata: { readonly component: object }
    readonly components: readonly { readonly purl: string; readonly licenses: readonly object[] }[]
    readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[]
  }
}

// The scope of the foreign package sorts behind that of the workspace, whatever its name is.
test('names the packages of which code is in the bundle, and what they import', async () => {
  await manifestAt('node_modules/@zz/a', { name: '@zz/a', version: '2.0.0', license: 'MIT' })
  await manifestAt('node_modules/left-out', { name: 'left-out', version: '1.0.0', license: 'MIT' })
  await manifestAt('libs/kit', { name: '@armature/kit', version: '0.1.0' })
  const { metadata, components, dependencies } = await sbom({
    'src/main.ts': { bytes: 10, imports: ['libs/kit/src/kit.ts', 'node_modules/left-out/index.js'] },
    'libs/kit/src/kit.ts': { bytes: 10, imports: ['node_modules/@zz/a/lib/index.js'] },
    'node_modules/@zz/a/lib/index.js': { bytes: 10, imports: ['node_modules/@zz/a/lib/more.js'] },
    'node_modules/@zz/a/lib/more.js': { bytes: 10 },
    'node_modules/left-out/index.js': { bytes: 0 },
  })
  const [root, kit, a] = ['pkg:npm/%40armature/one@1.2.3', 'pkg:npm/%40armature/kit@0.1.0', 'pkg:npm/%40zz/a@2.0.0']
  const own = [{ license: { id: 'Apache-2.0' } }]
  expect(metadata.component).toMatchObject({
    type: 'application',
    'bom-ref': root,
    group: '@armature',
    name: 'one',
    licenses: own,
  })
  expect(components).toEqual([
    { type: 'library', 'bom-ref': kit, group: '@armature', name: 'kit', version: '0.1.0', purl: kit, licenses: own },
    {
      type: 'library',
      'bom-ref': a,
      group: '@zz',
      name: 'a',
      version: '2.0.0',
      purl: a,
      licenses: [{ license: { id: 'MIT' } }],
    },
  ])
  expect(dependencies).toEqual([
    { ref: kit, dependsOn: [a] },
    { ref: root, dependsOn: [kit] },
    { ref: a, dependsOn: [] },
  ])
})

test('tells two versions of a package apart', async () => {
  await manifestAt('node_modules/a', { name: 'a', version: '1.0.0' })
  await manifestAt('node_modules/b/node_modules/a', { name: 'a', version: '2.0.0' })
  const { components } = await sbom({
    'src/main.ts': { bytes: 1 },
    'node_modules/a/src/a.js': { bytes: 1 },
    'node_modules/b/node_modules/a/a.js': { bytes: 1 },
  })
  expect(components.map(({ purl }) => purl)).toEqual(['pkg:npm/a@1.0.0', 'pkg:npm/a@2.0.0'])
})

test.each([
  ['MIT', [{ license: { id: 'MIT' } }]],
  ['(MIT OR Apache-2.0)', [{ expression: '(MIT OR Apache-2.0)' }]],
  ['SEE LICENSE IN LICENSE.md', [{ license: { name: 'SEE LICENSE IN LICENSE.md' } }]],
  ['UNLICENSED', [{ license: { name: 'UNLICENSED' } }]],
  [{ type: 'BSD-3-Clause', url: 'https://example.org' }, [{ license: { id: 'BSD-3-Clause' } }]],
  [
    [{ type: 'MIT' }, { type: 'ISC' }],
    [{ license: { id: 'MIT' } }, { license: { id: 'ISC' } }],
  ],
  [undefined, []],
])('the licence %j', async (license, expected) => {
  await manifestAt('node_modules/a', { name: 'a', version: '1.0.0', license })
  const { components } = await sbom({ 'src/main.ts': { bytes: 1 }, 'node_modules/a/a.js': { bytes: 1 } })
  expect(components[0]?.licenses).toEqual(expected)
})

test('a package without a version is an error that names it', async () => {
  await manifestAt('node_modules/a', { name: 'a' })
  await expect(sbom({ 'src/main.ts': { bytes: 1 }, 'node_modules/a/a.js': { bytes: 1 } })).rejects.toThrow(
    'node_modules/a/package.json names no version',
  )
})
