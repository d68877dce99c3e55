import { describe, expect, test } from 'vitest'
import { treeOf, type Tree, type Violation } from './tree.ts'
import { noMachinePaths, noOpenEnds, noRegistryHosts } from './words.ts'

const found = (check: (tree: Tree) => readonly Violation[], text: string, path = 'README.md') =>
  check(treeOf({ [path]: text }))

describe('open ends', () => {
  test.each([['all done'], ['a mastodon'], ['todo lists are an example'], ['XXXL']])('%s', (text) => {
    expect(found(noOpenEnds, text)).toEqual([])
  })

  test.each([['// TODO: later'], ['FIXME'], ['# XXX why'], ['a HACK']])('not %s', (text) => {
    expect(found(noOpenEnds, `first\n${text}\n`)).toMatchObject([{ path: 'README.md', line: 2 }])
  })
})

describe('paths of one machine', () => {
  test.each([
    ['~/.cache/armature'],
    ['/tmp/x.json'],
    ['./work/done'],
    ['apps/home/page.ts'],
    ['/etc/os-release'],
    ['https://example.org/home/page'],
    ['/homework/page'],
  ])('%s is none', (text) => {
    expect(found(noMachinePaths, text)).toEqual([])
  })

  test.each([
    ['cd /root/project'],
    ['"/home/ann/project"'],
    ['/Users/ann/project'],
    ['C:\\Users\\ann'],
    ['(/work/main)'],
  ])('%s is one', (text) => {
    expect(found(noMachinePaths, text)).toHaveLength(1)
  })
})

describe('registry hosts', () => {
  test.each([['npm install'], ['FROM node:24-slim'], ['pip install grpcio==1.0.0']])('%s has none', (text) => {
    expect(found(noRegistryHosts, text)).toEqual([])
  })

  test.each([['https://registry.npmjs.org/node'], ['FROM gcr.io/distroless/nodejs24'], ['ghcr.io/a/b']])(
    '%s has one',
    (text) => {
      expect(found(noRegistryHosts, text)).toHaveLength(1)
    },
  )

  test('may be that of the base in a Dockerfile, and stand nowhere else', () => {
    const text = 'ARG BASE=gcr.io/distroless/nodejs24'
    expect(found(noRegistryHosts, text, 'tools/docker/Dockerfile')).toEqual([])
    expect(found(noRegistryHosts, text, 'tools/docker/README.md')).toHaveLength(1)
    expect(found(noRegistryHosts, text, 'tools/docker/NotADockerfile')).toHaveLength(1)
  })

  test('in the lock file', () => {
    const path = 'package-lock.json'
    expect(found(noRegistryHosts, '"node_modules/a": { "version": "1.0.0",\n"resolved": "libs/a" }', path)).toEqual([])
    expect(found(noRegistryHosts, '{\n"resolved": "https://example.org/a.tgz"\n}', path)).toMatchObject([
      { path, line: 2 },
    ])
  })
})
