import { expect, test } from 'vitest'
import { dryTree } from '../test/dry-tree.ts'
import { camelCase, checkName, checkUnused, pascalCase, snakeCase } from './names.ts'

test.each(['billing', 'order-history', 'a', 'pay2', 'pay-2', 'a'.repeat(40)])('%s is a name', (name) => {
  expect(() => checkName(name)).not.toThrow()
})

test.each([
  ...['', 'Billing', 'bill_ing', '2fa', '-a', 'a-', 'a--b', 'a.b', 'a/b', '../a', 'bill ing', 'naïve', 'a\nb', 'a;b'],
  'a'.repeat(41),
])('%j is no name: it is refused with a fix', (name) => {
  expect(() => checkName(name)).toThrow(/is no DNS label of at most 40 characters\. Use lower-case words/)
})

test.each(['platform', 'service', 'global', 'kafka', 'delete', 'class'])('%s is reserved', (name) => {
  expect(() => checkName(name)).toThrow(`The name "${name}" is reserved. Choose another one.`)
})

test.each([
  ['reactor', 'apps/reactor'],
  ['async', 'libs/async'],
  ['tidy', 'tools/tidy'],
])('%s is taken by %s', (name, folder) => {
  expect(() => checkUnused(dryTree(), name)).toThrow(`The name "${name}" is taken by ${folder}. Choose another one.`)
})

test('an example does not take a name, since its package is example-NAME', () => {
  expect(() => checkUnused(dryTree(), 'billing')).not.toThrow()
})

test('forms of a name', () => {
  expect([camelCase, pascalCase, snakeCase].map((form) => form('order-2-history'))).toEqual([
    'order2History',
    'Order2History',
    'order_2_history',
  ])
})
