import { mkdtemp, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { drivenClock } from '@armature/async/clock'
import { maxYamlBytes } from '@armature/config/yaml-file'
import { followRules } from './rules-source.ts'

const pollMs = 1_000
const fileOf = (...names: string[]): string =>
  `rules:\n${names.map((name) => `  - { type: rate, name: ${name}, metric: m, op: '>', value: 1 }\n`).join('')}`

/** A file that is followed, on a clock that the test drives. */
const followed = async (text = fileOf('a')) => {
  const folder = await mkdtemp(join(tmpdir(), 'rules-source-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'rules.yaml')
  await writeFile(path, text)
  const clock = drivenClock()
  const heard: string[] = []
  const source = followRules(text, {
    path,
    clock,
    pollMs,
    onRules: (rules) => heard.push(rules.map(({ name }) => name).join(' ')),
    onRefused: (problems) => heard.push(`refused: ${problems.map((each) => each.replace(path, 'FILE')).join('; ')}`),
  })
  onTestFinished(() => source.close())
  /** Looks once. The next look is planned when this one has ended. */
  const look = async () => {
    await vi.waitFor(() => expect(clock.pending).toBe(1))
    await clock.advance(pollMs)
    await vi.waitFor(() => expect(clock.pending).toBe(1))
  }
  return { folder, path, heard, look, source }
}

test('a change is taken once two looks find the same', async () => {
  const { path, heard, look } = await followed()
  await look()
  await writeFile(path, fileOf('a', 'b'))
  await look()
  expect(heard).toEqual([])
  await look()
  expect(heard).toEqual(['a b'])
  await look()
  expect(heard).toEqual(['a b'])
})

test('a file that is still being written is left alone, though its first half would do', async () => {
  const { path, heard, look } = await followed(fileOf('a', 'b'))
  await writeFile(path, fileOf('a'))
  await look()
  await writeFile(path, fileOf('a', 'b', 'c'))
  await look()
  expect(heard).toEqual([])
  await look()
  expect(heard).toEqual(['a b c'])
})

test('a file with a fault is refused once, with the place, and is taken when it is mended', async () => {
  const { path, heard, look } = await followed()
  await writeFile(path, fileOf('b').replace('metric', 'metrik'))
  for (let count = 0; count < 4; count += 1) await look()
  expect(heard).toEqual([
    expect.stringMatching(/^refused: .*FILE:2:\d+: error: rules\[0\]\.metrik is no key here: did you mean metric\?/),
  ])
  await writeFile(path, fileOf('b'))
  for (let count = 0; count < 2; count += 1) await look()
  expect(heard[1]).toBe('b')
})

test('one that is restored as it was is no change', async () => {
  const { path, heard, look } = await followed()
  await writeFile(path, fileOf('b'))
  await look()
  await writeFile(path, fileOf('a'))
  for (let count = 0; count < 3; count += 1) await look()
  expect(heard).toEqual([])
})

test('a file that is gone, too long, or a folder is refused once each; one that comes again is taken', async () => {
  const { path, heard, look } = await followed()
  const settle = async () => {
    for (let count = 0; count < 3; count += 1) await look()
  }
  await rm(path)
  await settle()
  await writeFile(path, '#'.repeat(maxYamlBytes + 1))
  await settle()
  await rm(path)
  await mkdir(path)
  await settle()
  await rm(path, { recursive: true })
  await writeFile(path, fileOf('c'))
  await settle()
  expect(heard).toEqual([
    expect.stringMatching(/^refused: FILE cannot be read: ENOENT/),
    `refused: FILE is longer than ${maxYamlBytes} bytes`,
    expect.stringMatching(/^refused: FILE cannot be read: EISDIR/),
    'c',
  ])
})

test('a link that is changed is followed, as Kubernetes changes a ConfigMap', async () => {
  const { folder, path, heard, look } = await followed()
  const version = async (name: string, text: string) => {
    await mkdir(join(folder, name))
    await writeFile(join(folder, name, 'rules.yaml'), text)
    await symlink(name, join(folder, '..data.next'))
    await rename(join(folder, '..data.next'), join(folder, '..data'))
  }
  await version('1', fileOf('a'))
  await rm(path)
  await symlink(join('..data', 'rules.yaml'), path)
  for (let count = 0; count < 3; count += 1) await look()
  expect(heard).toEqual([])
  await version('2', fileOf('a', 'b'))
  for (let count = 0; count < 2; count += 1) await look()
  expect(heard).toEqual(['a b'])
})

test('asked to, it takes what is there at once, also a second time', async () => {
  const { path, heard, source, look } = await followed()
  await writeFile(path, fileOf('b'))
  await source.reload()
  expect(heard).toEqual(['b'])
  await source.reload()
  for (let count = 0; count < 2; count += 1) await look()
  expect(heard).toEqual(['b', 'b'])
})
