import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { environmentOf } from './environment.ts'

const plain = { prefixes: ['global/config', 'redis/config'], sanitize: false, upcase: false, noPrefix: true }

test.each([
  ['later prefixes win', {}, [{ A: '1', B: '1', C: '1' }, { A: '2' }], { A: '2', B: '1', C: '1' }],
  ['names are as they are', {}, [{ 'a.b/c-d': '1' }], { 'a.b/c-d': '1' }],
  ['sanitized: all but letters, digits and _', { sanitize: true }, [{ 'a.b/c-d é_9': '1' }], { a_b_c_d___9: '1' }],
  ['in capitals', { upcase: true }, [{ 'max-Conns': '1' }], { 'MAX-CONNS': '1' }],
  ['both', { sanitize: true, upcase: true }, [{ 'max-conns': '1' }], { MAX_CONNS: '1' }],
  ['names that become the same: the later wins', { upcase: true }, [{ a: '1' }, { A: '2' }], { A: '2' }],
  [
    'with the path before them',
    { noPrefix: false },
    [{ a: '1' }, { b: '2' }],
    { global_config_a: '1', redis_config_b: '2' },
  ],
  ['a value may be empty, a name not', {}, [{ a: '', ' ': '1' }], { a: '' }],
  ['values are as they are', {}, [{ a: ' $HOME\n"x" ' }], { a: ' $HOME\n"x" ' }],
  ['names of objects are nothing special', {}, [{ constructor: '1' }], { constructor: '1' }],
] as const)('%s', (_name, options, values, variables) => {
  expect(environmentOf(values, { ...plain, ...options })).toEqual({ variables, leftOut: [] })
})

test('what no environment can hold is left out and named', () => {
  const { variables, leftOut } = environmentOf([{ 'a=b': '1', c: 'x\0y', d: '2' }], plain)
  expect([variables, leftOut]).toEqual([{ d: '2' }, ['a=b', 'c']])
})

test('bug: a key of the name __proto__ was lost', () => {
  const { variables, leftOut } = environmentOf([Object.fromEntries([['__proto__', '1']])], plain)
  expect([Object.entries(variables), leftOut]).toEqual([[['__proto__', '1']], []])
})

test('bug: a value longer than a variable may be ended the program: it is left out and named', () => {
  const longest = 'x'.repeat(128 * 1024 - 'long=\0'.length)
  expect(environmentOf([{ long: longest }], plain).leftOut).toEqual([])
  expect(environmentOf([{ long: `${longest}x`, d: '2' }], plain)).toEqual({ variables: { d: '2' }, leftOut: ['long'] })
  const { status } = spawnSync('/bin/true', { env: { long: longest } })
  expect(status).toBe(0)
})
