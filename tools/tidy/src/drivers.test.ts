import { expect, test } from 'vitest'
import { driverFiles, driverParts } from './drivers.ts'
import { treeOf } from './tree.ts'

const library = (names: readonly string[], folder = 'libs/messaging-x') =>
  Object.fromEntries(
    ['package.json', ...names.map((name) => `src/${name}.ts`)].map((name) => [`${folder}/${name}`, '']),
  )
const check = (names: readonly string[], unneeded = {}) => driverFiles(unneeded)(treeOf(library(names)))

test('a library with all the files', () => {
  expect(check([...driverParts, 'topology'])).toEqual([])
})

test.each(driverParts)('a library without %s', (missing) => {
  const names = driverParts.filter((part) => part !== missing)
  expect(check(names)).toMatchObject([{ path: `libs/messaging-x/src/${missing}.ts` }])
})

test('a protocol that does not need a file', () => {
  const reason = { 'libs/messaging-x/src/codec.ts': 'objects' }
  const names = driverParts.filter((part) => part !== 'codec')
  expect(check(names, reason)).toEqual([])
  expect(check(driverParts, reason)).toMatchObject([{ path: 'libs/messaging-x/src/codec.ts' }])
})

test('a second driver has files of its own or shares those of the first', () => {
  expect(check([...driverParts, 'streams-driver', 'streams-publisher'])).toEqual([])
})

test('a file that neither of two drivers has is missing for both', () => {
  const names = [...driverParts.filter((part) => part !== 'publisher'), 'streams-driver']
  expect(check(names)).toMatchObject([
    { path: 'libs/messaging-x/src/publisher.ts' },
    { path: 'libs/messaging-x/src/streams-publisher.ts' },
  ])
  expect(check([...names, 'streams-publisher'])).toMatchObject([{ path: 'libs/messaging-x/src/publisher.ts' }])
})

test('a second driver needs a file that only the first can do without', () => {
  const names = [...driverParts.filter((part) => part !== 'browser'), 'streams-driver']
  const reason = { 'libs/messaging-x/src/browser.ts': 'keeps nothing' }
  expect(check(names, reason)).toMatchObject([{ path: 'libs/messaging-x/src/streams-browser.ts' }])
})

test.each(['libs/messaging', 'libs/messaging-kit', 'libs/messaging-drivers', 'libs/messaging-commands', 'libs/x'])(
  '%s is no driver library',
  (folder) => {
    expect(driverFiles({})(treeOf(library([], folder)))).toEqual([])
  },
)
