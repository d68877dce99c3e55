import { describe, expect, test } from 'vitest'
import { functionLengths, shortFunctions } from './functions.ts'
import { treeOf } from './tree.ts'

const path = 'libs/x/src/a.ts'
const lines = (count: number) => '  work()\n'.repeat(count)
const check = (text: string) => shortFunctions(treeOf({ [path]: text }))

describe('a function', () => {
  test.each([
    ['const long = () => {\n', '}'],
    ['function long() {\n', '}'],
    ['const long = function () {\n', '}'],
    ['const a = { long() {\n', '}}'],
    ['const a = { get long() {\n', 'return 1 }}'],
    ['class A { long() {\n', '}}'],
    ['class A { constructor() {\n', '}}'],
    ['work(() => {\n', '})'],
    ['export const long = async function* () {\n', '}'],
  ])('%j of 101 lines is too long', (head, tail) => {
    expect(check(`${head}${lines(98)}${tail}`)).toEqual([])
    expect(check(`${head}${lines(99)}${tail}`)).toMatchObject([{ path, problem: expect.stringContaining('101 lines') }])
  })

  test('closures are lines of the function around them', () => {
    const text = `const long = () => {\n  const inner = () => {\n${lines(97)}  }\n}`
    expect(check(text)).toMatchObject([{ problem: expect.stringContaining('long has 101 lines') }])
  })

  test('its comment and its decorations count not', () => {
    expect(check(`/**\n${' * word\n'.repeat(200)} */\nconst short = () => {\n${lines(98)}}`)).toEqual([])
  })

  test('an overload without a body has no length', () => {
    expect(functionLengths(treeOf({ [path]: 'declare function one(\n): void\nfunction two(): void' }))).toEqual([])
  })
})

describe('tests', () => {
  test.each(['describe(', "describe.each([1])('x', ", "describe.skipIf(a)('x', "])('%s is a list of tests', (head) => {
    expect(check(`${head}() => {\n${lines(200)}})`)).toEqual([])
  })

  test('the function around a describe has the other lines', () => {
    expect(check(`const suite = () => {\n${lines(97)}  describe('x', () => {\n${lines(200)}  })\n}`)).toEqual([])
    expect(check(`const suite = () => {\n${lines(99)}  describe('x', () => {\n${lines(200)}  })\n}`)).toHaveLength(1)
  })

  test.each(["test('x', ", 'beforeAll('])('%s has a length', (head) => {
    expect(check(`${head}() => {\n${lines(99)}})`)).toHaveLength(1)
    expect(check(`describe('x', () => {\n${head}() => {\n${lines(99)}})\n})`)).toHaveLength(1)
  })
})
