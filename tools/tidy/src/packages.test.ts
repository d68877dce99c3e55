import { describe, expect, test } from 'vitest'
import { allowed } from './arrows.ts'
import { arrows } from './arrows.ts'
import { declaredDependencies, exactVersions, manifests } from './packages.ts'
import { treeOf } from './tree.ts'

const one = (manifest: object, files: Record<string, string> = {}) =>
  treeOf({ 'libs/one/package.json': JSON.stringify({ name: '@armature/one', ...manifest }), ...files })

describe('versions', () => {
  test.each([
    ['zod', '4.6.7'],
    ['zod', '4.6.7-rc.1'],
    ['@armature/config', '*'],
  ])('%s %s', (name, version) => {
    expect(exactVersions(one({ dependencies: { [name]: version } }))).toEqual([])
  })

  test.each([
    ['zod', '^4.6.7'],
    ['zod', '~4.6.7'],
    ['zod', '4'],
    ['zod', 'latest'],
    ['zod', '*'],
    ['@armature/config', '0.1.0'],
  ])('not %s %s', (name, version) => {
    expect(exactVersions(one({ dependencies: { [name]: version } }))).toHaveLength(1)
    expect(exactVersions(one({ devDependencies: { [name]: version } }))).toHaveLength(1)
    expect(
      exactVersions(treeOf({ 'package.json': JSON.stringify({ devDependencies: { [name]: version } }) })),
    ).toHaveLength(1)
  })
})

describe('manifests', () => {
  const right = {
    private: true,
    type: 'module',
    exports: { './*': './src/*.ts' },
    nx: { tags: ['type:lib', 'lib:one'] },
  }

  test('of a library, and of an example', () => {
    expect(manifests(one(right))).toEqual([])
    const example = { name: '@armature/example-one', private: true, type: 'module', nx: { tags: ['type:example'] } }
    expect(manifests(treeOf({ 'examples/one/package.json': JSON.stringify(example) }))).toEqual([])
  })

  test.each([
    ['another name', { name: '@armature/two' }],
    ['no type', { type: undefined }],
    ['public', { private: undefined }],
    ['built exports', { exports: { '.': './dist/index.js' } }],
    ['no tag of its name', { nx: { tags: ['type:lib'] } }],
    ['the tag of another kind', { nx: { tags: ['type:app', 'lib:one'] } }],
  ])('not with %s', (_what, change) => {
    expect(manifests(one({ ...right, ...change }))).toHaveLength(1)
  })
})

describe('dependencies', () => {
  const source = 'libs/one/src/a.ts'
  const beside = 'libs/one/src/a.test.ts'
  const zod = `import { z } from 'zod'\n`
  const types = `import type { z } from 'zod'\n`

  test.each([
    ['imported by a source', { dependencies: { zod: '1.0.0' } }, { [source]: zod }],
    ['imported by a test alone', { devDependencies: { zod: '1.0.0' } }, { [beside]: zod }],
    ['imported for its types', { devDependencies: { '@types/zod': '1.0.0' } }, { [source]: types }],
    ['imported dynamically', { dependencies: { zod: '1.0.0' } }, { [source]: `await import('zod/mini')` }],
    ['asked for by path', { dependencies: { zod: '1.0.0' } }, { [source]: `import.meta.resolve('zod/package.json')` }],
    [
      'of Node, of the file, of itself',
      {},
      { [source]: `import 'node:fs'\nimport './b.ts'\nimport '@armature/one/b'` },
    ],
    ['of the root, in a test', {}, { [beside]: `import { test } from 'vitest'` }],
  ])('%s', (_what, manifest, files) => {
    expect(declaredDependencies(one(manifest, files))).toEqual([])
  })

  test.each([
    ['not declared', {}, { [source]: zod }, source],
    [
      'declared for tests, used by a source',
      { devDependencies: { zod: '1.0.0' } },
      { [beside]: zod, [source]: zod },
      source,
    ],
    ['of the root, in a source', {}, { [source]: `import { test } from 'vitest'` }, source],
    ['declared and not used', { dependencies: { zod: '1.0.0' } }, {}, 'libs/one/package.json'],
  ])('not %s', (_what, manifest, files, path) => {
    expect(declaredDependencies(one(manifest, files))).toMatchObject([{ path }])
  })
})

describe('arrows', () => {
  const pair = (text: string) => {
    const [from = '', to = ''] = text.split(' -> ')
    return { from, to }
  }

  test.each([
    'libs/telemetry -> libs/config',
    'libs/service -> libs/telemetry',
    'libs/messaging-commands -> libs/messaging',
    'libs/messaging-commands -> libs/service',
    'apps/reactor -> libs/messaging',
    'tools/cli -> libs/messaging-commands',
    'libs/search-api -> libs/service',
    'tools/search -> apps/search-service',
    'tools/bench -> libs/messaging',
    'tools/bundle -> tools/servers',
    'libs/messaging -> tools/servers',
    'libs/messaging-kafka -> libs/messaging-kit',
    'libs/messaging-drivers -> libs/messaging-kafka',
    'libs/event-bus -> libs/async',
    'examples/counters -> libs/messaging',
  ])('%s', async (text) => {
    expect(allowed(pair(text))).toBe(true)
    expect(await arrows(async () => [pair(text)])(treeOf({}))).toEqual([])
  })

  test('an app that is made of others says so by a tag', async () => {
    const arrow = pair('apps/all-in-one -> apps/reactor')
    const composer = JSON.stringify({ nx: { tags: ['type:app', 'composes:apps'] } })
    const check = arrows(async () => [arrow])
    expect(await check(treeOf({ 'apps/all-in-one/package.json': composer }))).toEqual([])
    expect(await check(treeOf({ 'apps/all-in-one/package.json': '{}' }))).toHaveLength(1)
  })

  test.each([
    'libs/config -> libs/telemetry',
    'libs/telemetry -> libs/service',
    'libs/service -> libs/messaging',
    'libs/messaging -> libs/messaging-kit',
    'libs/messaging-kit -> libs/messaging-memory',
    'libs/messaging-kafka -> libs/messaging-nats',
    'libs/messaging-kafka -> libs/messaging-drivers',
    'libs/async -> libs/config',
    'libs/messaging -> apps/reactor',
    'libs/messaging -> libs/messaging-commands',
    'libs/messaging-commands -> libs/database',
    'libs/messaging-commands -> tools/cli',
    'apps/reactor -> tools/cli',
    'libs/search-api -> libs/database',
    'tools/search -> apps/reactor',
    'tools/bench -> apps/search-service',
    'apps/search-service -> tools/search',
    'apps/reactor -> apps/aggregator',
    'apps/reactor -> apps/all-in-one',
    'apps/reactor -> tools/bench',
    'tools/bench -> apps/reactor',
    'tools/servers -> libs/messaging',
    'examples/counters -> apps/reactor',
  ])('not %s', async (text) => {
    expect(allowed(pair(text))).toBe(false)
    expect(await arrows(async () => [pair(text)])(treeOf({}))).toMatchObject([
      { path: `${pair(text).from}/package.json` },
    ])
  })

  test('tools/servers is for tests', async () => {
    const check = arrows(async () => [pair('libs/one -> tools/servers')])
    expect(await check(one({ devDependencies: { '@armature/servers': '*' } }))).toEqual([])
    expect(await check(one({ dependencies: { '@armature/servers': '*' } }))).toHaveLength(1)
  })
})
