import { describe, expect, test } from 'vitest'
import {
  flatSources,
  kebabCaseNames,
  noBarrels,
  projectShape,
  shortFiles,
  shortMain,
  testsBesideSources,
} from './files.ts'
import { treeOf } from './tree.ts'

const lines = (count: number) => 'line\n'.repeat(count)
const only = (path: string, text = '') => treeOf({ [path]: text })

describe('names', () => {
  test.each([
    'libs/messaging/src/topic-pattern.ts',
    'libs/messaging/src/topic-pattern.test.ts',
    'README.md',
    'LICENSE',
    '.ci/run',
    '.devcontainer/devcontainer.json',
    '.nvmrc',
    'tools/docker/Dockerfile',
    'tools/docker/Dockerfile.dockerignore',
    'apps/search-service/protos/v1/search.proto',
    'tsconfig.base.json',
  ])('%s is right', (path) => {
    expect(kebabCaseNames(only(path))).toEqual([])
  })

  test.each([
    ['libs/messaging/src/topicPattern.ts', 'libs/messaging/src/topicPattern.ts'],
    ['libs/messaging/src/topic_pattern.ts', 'libs/messaging/src/topic_pattern.ts'],
    ['libs/MyLib/src/a.ts', 'libs/MyLib'],
    ['docs/NOTES.md', 'docs/NOTES.md'],
    ['libs/a/-b.ts', 'libs/a/-b.ts'],
  ])('%s is wrong', (path, place) => {
    expect(kebabCaseNames(only(path))).toMatchObject([{ path: place }])
  })

  test('a folder is named once, not for each file in it', () => {
    expect(kebabCaseNames(treeOf({ 'libs/MyLib/a.ts': '', 'libs/MyLib/b.ts': '' }))).toHaveLength(1)
  })
})

describe('length', () => {
  test.each([
    ['libs/a/src/b.ts', 300],
    ['tools/set-up.mjs', 300],
    ['README.md', 2_000],
    ['libs/a/src/b.generated.ts', 2_000],
  ])('%s of %i lines', (path, count) => {
    expect(shortFiles(only(path, lines(count)))).toEqual([])
  })

  test.each(['libs/a/src/b.ts', 'libs/a/src/b.test.ts', 'tools/set-up.mjs'])('%s of 301 lines is too long', (path) => {
    expect(shortFiles(only(path, lines(301)))).toMatchObject([{ path, problem: expect.stringContaining('301') }])
  })

  test('main.ts of an app ends at line 10', () => {
    expect(shortMain(only('apps/a/src/main.ts', lines(10)))).toEqual([])
    expect(shortMain(only('apps/a/src/main.ts', lines(11)))).toHaveLength(1)
    expect(shortMain(only('tools/a/src/main.ts', lines(11)))).toEqual([])
    expect(shortMain(only('apps/a/src/main.ts', `#!/usr/bin/env node\n${lines(10)}`))).toEqual([])
    expect(shortMain(only('apps/a/src/main.ts', `#!/usr/bin/env node\n${lines(11)}`))).toHaveLength(1)
  })
})

describe('shape', () => {
  const project = (folder: string, names: string[]) =>
    Object.fromEntries(names.map((name) => [`${folder}/${name}`, '']))
  const all = ['README.md', 'package.json', 'tsconfig.json', 'vitest.config.ts', 'src/a.test.ts']
  const app = [...all, 'src/main.ts', 'src/config.ts', 'src/service.ts']

  test('what every library and every app has', () => {
    expect(projectShape(treeOf({ ...project('libs/a', all), ...project('apps/b', app) }))).toEqual([])
  })

  test.each(app)('an app without %s', (missing) => {
    const found = projectShape(
      treeOf(
        project(
          'apps/b',
          app.filter((name) => name !== missing || name === 'package.json'),
        ),
      ),
    )
    expect(found).toHaveLength(missing === 'package.json' ? 0 : 1)
    if (missing !== 'package.json') expect(found[0]?.path).toMatch(missing.endsWith('.test.ts') ? /^apps\/b$/ : missing)
  })

  test('a project.json is one file too many', () => {
    expect(projectShape(treeOf(project('libs/a', [...all, 'project.json'])))).toMatchObject([
      { path: 'libs/a/project.json' },
    ])
  })

  test('src is flat, but for the jobs of an app and generators', () => {
    const flat = [
      'libs/a/src/b.ts',
      'apps/reactor/src/handlers/c.ts',
      'apps/a/src/collect/b.ts',
      'libs/a/test/x/y.ts',
      'tools/scaffold/src/x/y.ts',
    ]
    expect(flatSources(treeOf(Object.fromEntries(flat.map((path) => [path, '']))))).toEqual([])
    expect(flatSources(treeOf({ 'libs/a/src/x/b.ts': '', 'libs/a/src/x/c.ts': '' }))).toMatchObject([
      { path: 'libs/a/src/x' },
    ])
    expect(flatSources(only('libs/a/src/handlers/b.ts'))).toHaveLength(1)
    expect(flatSources(only('apps/a/src/collect/deep/b.ts'))).toMatchObject([{ path: 'apps/a/src/collect/deep' }])
  })

  test('no index files', () => {
    expect(noBarrels(only('libs/a/src/index-of-words.ts'))).toEqual([])
    expect(noBarrels(only('libs/a/src/index.ts'))).toHaveLength(1)
  })

  test.each(['libs/a/src/b.test.ts', 'libs/a/test/b.test.ts', 'libs/a/test/deep/b.test.ts'])('a test at %s', (path) => {
    expect(testsBesideSources(only(path))).toEqual([])
  })

  test.each(['libs/a/b.test.ts', 'libs/a/src/b.spec.ts', 'libs/a/src/__tests__/b.ts', 'libs/a/tests/b.test.ts'])(
    'no test at %s',
    (path) => {
      expect(testsBesideSources(only(path))).toHaveLength(1)
    },
  )
})
