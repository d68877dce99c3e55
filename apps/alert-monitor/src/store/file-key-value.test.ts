import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openFileKeyValue } from './file-key-value.ts'

const world = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'alerts-state-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const warnings: string[] = []
  const path = join(folder, 'state', 'alerts.json')
  return { path, folder, warnings, open: () => openFileKeyValue(path, (problem) => warnings.push(problem)) }
}

test('what was put is there for the next process, with its revisions', async () => {
  const { open, path, folder } = await world()
  const first = await open()
  const revision = await first.put('a', 'one', 0)
  await Promise.all([first.put('a', 'two', revision), first.put('b', 'three', 0)])
  await first.remove('b', 3)
  await first.close()
  const second = await open()
  const seen: [string, string | undefined][] = []
  await second.watch((key, entry) => seen.push([key, entry?.value]))
  expect(seen).toEqual([['a', 'two']])
  const held = await second.get('a')
  expect(await second.put('a', 'four', held?.revision ?? 0)).toBeGreaterThan(revision)
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ version: 1, entries: { a: 'four' } })
  expect(await readdir(join(folder, 'state'))).toEqual(['alerts.json'])
})

test('who knows an older revision is refused and changes nothing', async () => {
  const bucket = await (await world()).open()
  const revision = await bucket.put('a', 'one', 0)
  await bucket.put('a', 'two', revision)
  await expect(bucket.put('a', 'late', revision)).rejects.toMatchObject({ name: 'KeyValueConflict' })
  await expect(bucket.put('a', 'new', 0)).rejects.toMatchObject({ name: 'KeyValueConflict' })
  await expect(bucket.remove('a', revision)).rejects.toMatchObject({ name: 'KeyValueConflict' })
  expect((await bucket.get('a'))?.value).toBe('two')
})

test.each(['', '{', '{"version":2,"revision":1,"entries":{}}', '[]', '{"version":1,"revision":1,"entries":{"a":1}}'])(
  'a file that holds %s is set aside, and said',
  async (text) => {
    const { open, path, warnings } = await world()
    await (await open()).put('a', 'one', 0)
    await writeFile(path, text)
    const bucket = await open()
    expect(await bucket.get('a')).toBeUndefined()
    expect(await readFile(`${path}.damaged`, 'utf8')).toBe(text)
    expect(warnings).toHaveLength(1)
  },
)

test('a file that another process writes too is left to it, and said', async () => {
  const { open } = await world()
  const [one, two] = [await open(), await open()]
  await one.put('a', 'one', 0)
  await expect(two.put('b', 'two', 0)).rejects.toThrow(/another process.*--alerts-state-file/)
  await one.put('c', 'three', 0)
  expect((await (await open()).get('a'))?.value).toBe('one')
})
