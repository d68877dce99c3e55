import { expect, test } from 'vitest'
import { factoryNames } from './factories.ts'
import { treeOf } from './tree.ts'

const found = (text: string, path = 'libs/x/src/a.ts') => factoryNames(treeOf({ [path]: text }))

test.each([
  'export const openStore = async () => 1',
  'export const openStore = (): Promise<Store> => load()',
  'export async function openStore() {}',
  'export const createStore = () => 1',
  'export const createStore = (): Store => store',
  'export function createStore() {}',
  'const openStore = () => 1',
  'export const opened = () => 1',
  'export const openness = 3',
  'export const openLimit = 3',
])('%s', (text) => {
  expect(found(text)).toEqual([])
})

test.each([
  ['export const openStore = () => 1', 'create'],
  ['export const openStore = (): Store => store', 'create'],
  ['export function openStore() {}', 'create'],
  ['export const openStore = function () {}', 'create'],
  ['export const createStore = async () => 1', 'open'],
  ['export const createStore = (): Promise<Store> => load()', 'open'],
  ['export async function createStore() {}', 'open'],
])('not %s', (text, better) => {
  expect(found(text)).toMatchObject([{ line: 1, problem: expect.stringContaining(`is named ${better}`) }])
})

test('tests name their helpers as they like', () => {
  expect(found('export const openStore = () => 1', 'libs/x/test/a.ts')).toEqual([])
})
