import { describe, expect, test } from 'vitest'
import {
  allTestsRun,
  documentedFunctions,
  environmentInConfigOnly,
  erasableSyntax,
  importSpecifiers,
  noDefaultExports,
  noSleepInTests,
} from './syntax.ts'
import { treeOf, type Tree, type Violation } from './tree.ts'

type Check = (tree: Tree) => readonly Violation[]
const found = (check: Check, text: string, path = 'libs/a/src/b.ts') => check(treeOf({ [path]: text }))

describe('default exports', () => {
  test.each([['export const one = 1'], ['export { one as two }'], ['const word = "export default"']])('%s', (text) => {
    expect(found(noDefaultExports, text)).toEqual([])
  })

  test('of a config', () => {
    expect(found(noDefaultExports, 'export default {}', 'libs/a/vitest.config.ts')).toEqual([])
  })

  test.each([
    ['export default {}'],
    ['export default function one() {}'],
    ['export default class {}'],
    ['const one = 1; export { one as default }'],
    ['export { default } from "./b.ts"'],
  ])('not %s', (text) => {
    expect(found(noDefaultExports, text)).toHaveLength(1)
  })
})

describe('erasable syntax', () => {
  test.each([
    ['type A = "x" | "y"'],
    ['class A { constructor(one: number) {} }'],
    ['declare module "x" {}'],
    ['declare global {}'],
  ])('%s', (text) => {
    expect(found(erasableSyntax, text)).toEqual([])
  })

  test.each([
    ['enum A { x }'],
    ['export const enum A { x }'],
    ['namespace A { export const one = 1 }'],
    ['class A { constructor(private one: number) {} }'],
    ['class A { constructor(readonly one: number) {} }'],
    ['@seal class A {}'],
  ])('not %s', (text) => {
    expect(found(erasableSyntax, text)).toHaveLength(1)
    expect(found(erasableSyntax, text, 'libs/a/src/b.generated.ts')).toHaveLength(1)
  })
})

describe('imports', () => {
  test.each([
    [`import { one } from './one.ts'`],
    [`import { one } from '../src/one.ts'`],
    [`import data from './one.json' with { type: 'json' }`],
    [`import { readFile } from 'node:fs/promises'`],
    [`import { z } from 'zod'`],
    [`import { setUp } from '../../set-up.mjs'`, 'tools/test/src/a.ts'],
  ])('%s', (text, path = 'libs/a/test/b.ts') => {
    expect(found(importSpecifiers, text, path)).toEqual([])
  })

  test.each([
    [`import { one } from './one'`],
    [`import { one } from './one.js'`],
    [`export * from './one'`],
    [`const one = await import('./one')`],
    [`type One = import('./one').One`],
    [`import { one } from '../../c/src/one.ts'`],
    [`import { one } from '../../../apps/c/src/one.ts'`],
    [`import { readFile } from 'fs'`],
  ])('not %s', (text) => {
    expect(found(importSpecifiers, text)).toHaveLength(1)
  })
})

describe('doc comments', () => {
  test.each([
    ['/** Adds. */\nexport const add = (a: number) => a'],
    ['/** Adds. */\nexport function add(a: number) { return a }'],
    ['const add = (a: number) => a'],
    ['export const limit = 3'],
    ['export type Add = (a: number) => number'],
  ])('%j', (text) => {
    expect(found(documentedFunctions, text)).toEqual([])
  })

  test.each([
    ['export const add = (a: number) => a'],
    ['export function add(a: number) { return a }'],
    ['export const add = async function (a: number) { return a }'],
    ['// Adds.\nexport const add = (a: number) => a'],
    ['/* Adds. */\nexport const add = (a: number) => a'],
  ])('not %j', (text) => {
    expect(found(documentedFunctions, text)).toHaveLength(1)
    expect(found(documentedFunctions, text, 'apps/a/src/b.ts')).toHaveLength(1)
    for (const path of ['libs/a/src/b.test.ts', 'libs/a/test/b.ts', 'tools/a/src/b.ts']) {
      expect(found(documentedFunctions, text, path)).toEqual([])
    }
  })
})

describe('the environment', () => {
  const read = `export const home = process.env['HOME']`

  test.each(['libs/config/src/process.ts', 'tools/a/src/b.ts', 'libs/a/src/b.test.ts', 'libs/a/test/b.ts'])(
    'in %s',
    (path) => {
      expect(found(environmentInConfigOnly, read, path)).toEqual([])
    },
  )

  test.each(['libs/a/src/b.ts', 'apps/a/src/b.ts', 'examples/a/src/b.ts'])('not in %s', (path) => {
    expect(found(environmentInConfigOnly, read, path)).toHaveLength(1)
    expect(found(environmentInConfigOnly, 'export const [word] = process.argv', path)).toHaveLength(1)
    expect(found(environmentInConfigOnly, 'export const id = process.pid', path)).toEqual([])
  })
})

describe('tests', () => {
  const path = 'libs/a/src/b.test.ts'

  test.each([
    [`test('a', () => {})`],
    [`test.each([1])('a', () => {})`],
    [`test.runIf(process.platform === 'linux')('a', () => {})`],
    [`queue.skip()`],
    [`thing.name.only`],
  ])('%s runs', (text) => {
    expect(found(allTestsRun, text, path)).toEqual([])
  })

  test.each([
    [`test.skip('a', () => {})`],
    [`it.only('a', () => {})`],
    [`describe.skip('a', () => {})`],
    [`test.todo('a')`],
    [`test.fails('a', () => {})`],
    [`test.concurrent.only('a', () => {})`],
    [`test.only.each([1])('a', () => {})`],
  ])('%s does not', (text) => {
    expect(found(allTestsRun, text, path)).toHaveLength(1)
  })

  test.each([
    [`await vi.waitFor(() => expect(one()).toBe(1))`],
    [`const limit = setTimeout(() => reject(new Error('late')), 100)`],
    [`await new Promise((resolve) => server.close(resolve))`],
    [
      `await new Promise((resolve, reject) => { const limit = setTimeout(() => reject(new Error('late')), 9); on(resolve) })`,
    ],
    [`import { setImmediate } from 'node:timers/promises'`],
    [`await clock.advance(1_000)`],
  ])('%s does not sleep', (text) => {
    expect(found(noSleepInTests, text, path)).toEqual([])
  })

  test.each([
    [`await new Promise((resolve) => setTimeout(resolve, 100))`],
    [`await new Promise((done) => { setTimeout(() => done(1), 100) })`],
    [`await new Promise<void>(function (go) { globalThis.setTimeout(go, 100) })`],
    [`import { setTimeout as sleep } from 'node:timers/promises'`],
    [`import { scheduler } from 'timers/promises'`],
    [`Atomics.wait(cell, 0, 0, 100)`],
  ])('%s sleeps', (text) => {
    expect(found(noSleepInTests, text, path)).toHaveLength(1)
    expect(found(noSleepInTests, text, 'libs/a/src/b.ts')).toEqual([])
  })
})
