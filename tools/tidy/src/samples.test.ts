import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compileSamples } from './compile.ts'
import { samplesHold, samplesOf } from './samples.ts'
import { treeOf } from './tree.ts'

const fence = '```'
const block = (language: string, ...code: string[]) => [`${fence}${language}`, ...code, fence, ''].join('\n')
const path = 'libs/config/README.md'
const root = join(import.meta.dirname, '../../..')
const check = (text: string) => samplesHold(compileSamples(root))(treeOf({ [path]: text }))

describe('the blocks of a document', () => {
  test('each with its language and the line of its code', () => {
    const text = `# x\n\n${block('ts', 'one()', 'two()')}\n${block('sh', 'ls')}\n${block('', 'plain')}`
    expect(samplesOf(treeOf({ [path]: text, 'a.ts': block('ts', 'three()') }))).toEqual([
      { path, line: 4, language: 'ts', code: 'one()\ntwo()\n', setup: '' },
      { path, line: 9, language: 'sh', code: 'ls\n', setup: '' },
    ])
  })

  test('with the setup of the comment before it, and of no other comment', () => {
    const text = `<!-- sample\nconst one = 1\n-->\n\n${block('ts', 'one')}\n<!-- word -->\n${block('ts', 'two')}`
    expect(samplesOf(treeOf({ [path]: text }))).toMatchObject([
      { line: 6, setup: 'const one = 1' },
      { line: 11, setup: '' },
    ])
  })

  test('within a list, without its indent', () => {
    expect(samplesOf(treeOf({ [path]: `- x\n\n  ${fence}ts\n  one(\n    1)\n  ${fence}\n` }))).toMatchObject([
      { line: 4, code: 'one(\n  1)\n' },
    ])
  })
})

describe('samples in TypeScript', { timeout: 120_000 }, () => {
  test('compile by the options of the workspace, with its packages and the files of their project', async () => {
    const text = [
      block('ts', `import * as z from 'zod'`, `import { port } from './settings.ts'`, 'z.object({ port: port() })'),
      block('ts', '// test/a.ts', `import { port } from '../src/settings.ts'`, 'await Promise.resolve(port)'),
      block('ts', 'const unused = 1'),
      `<!-- sample\ndeclare const one: number\n-->\n\n${block('ts', 'const two: number = one')}`,
    ].join('\n')
    expect(await check(text)).toEqual([])
  })

  test('that do not are named with their line', async () => {
    const text = [
      block('ts', '', 'const one: number = "1"'),
      block('ts', `import { gone } from './settings.ts'`),
      block('ts', 'const a = ['),
      `<!-- sample\ndeclare const one: string\n-->\n\n${block('ts', 'const two: number = one')}`,
      block('ts', 'const first: number = [1][0]'),
    ].join('\n')
    const lines = (await check(text)).map(({ line }) => line)
    expect(lines).toEqual([3, 7, 11, 19, 23])
  })
})

describe('samples of other projects', { timeout: 120_000 }, () => {
  const foreign = `import { x } from '@nestjs/nowhere'`

  test('are parsed, and not compiled', async () => {
    const text = [block('ts other=nestjs', foreign, 'const one: number = "1"'), block('ts other=nestjs', foreign, '{')]
    expect((await check(text.join('\n'))).map(({ line }) => line)).toEqual([8])
  })

  test('import a package that is not here, else they are compiled', async () => {
    expect(await check(block('ts other=nestjs', 'const one: number = "1"'))).toMatchObject([
      { line: 2, problem: expect.stringContaining('remove other=nestjs') },
    ])
    expect(await check(block('ts', foreign))).toHaveLength(1)
  })
})

describe('other samples', () => {
  test.each([
    ['json', '{ "a": 1 }', '{ a: 1 }'],
    ['yaml', 'a: [1]', 'a: [1'],
    ['yml', 'a: 1', 'a: b: c'],
  ])('%s is parsed', async (language, right, wrong) => {
    expect(await check(block(language, right))).toEqual([])
    expect(await check(block(language, wrong))).toMatchObject([{ line: 2, problem: expect.stringContaining(language) }])
  })

  test.each(['sh', 'text', 'sql'])('%s is left alone', async (language) => {
    expect(await check(block(language, '{'))).toEqual([])
  })
})
