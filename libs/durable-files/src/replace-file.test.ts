import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { replaceFile } from './replace-file.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'replace-file-'))
  path = join(folder, 'state.json')
})
afterEach(() => rm(folder, { recursive: true }))

test.each([true, false])(
  'the text is there, for the owner only, and no draft is left (durable: %s)',
  async (durable) => {
    await replaceFile(path, 'one', { durable })
    await replaceFile(path, 'two', { durable })
    expect(await readFile(path, 'utf8')).toBe('two')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readdir(folder)).toEqual(['state.json'])
  },
)

test('whoever reads while it is written finds an old text or a new one, whole', async () => {
  const textOf = (digit: number) => String(digit).repeat(200_000)
  await replaceFile(path, textOf(0), { durable: false })
  let isOver = false
  const reads = (async () => {
    while (!isOver) {
      const text = await readFile(path, 'utf8')
      expect(text).toBe(textOf(Number(text[0])))
    }
  })()
  for (let round = 0; round < 50; round++) await replaceFile(path, textOf(round % 10), { durable: false })
  isOver = true
  await reads
})

test('of several at once each is whole, and none spoils another', async () => {
  const texts = Array.from({ length: 8 }, (_, digit) => String(digit).repeat(50_000))
  await Promise.all(texts.map((text) => replaceFile(path, text, { durable: false })))
  expect(texts).toContain(await readFile(path, 'utf8'))
  expect(await readdir(folder)).toEqual(['state.json'])
})

test('where it fails, what was there stays, and no draft is left', async () => {
  await mkdir(path)
  await writeFile(join(path, 'inner'), '')
  await expect(replaceFile(path, 'one', { durable: true })).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/)
  expect(await readdir(folder)).toEqual(['state.json'])
  await expect(replaceFile(join(folder, 'none/state.json'), 'one', { durable: true })).rejects.toThrow('ENOENT')
})
