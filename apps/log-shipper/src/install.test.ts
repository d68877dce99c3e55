import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { installBundle } from './install.ts'

let room: string
let bundle: string
let folder: string
beforeEach(async () => {
  room = await mkdtemp(join(tmpdir(), 'install-'))
  bundle = join(room, 'bundle')
  folder = join(room, 'target')
  await mkdir(join(bundle, 'assets/inner'), { recursive: true })
  await writeFile(join(bundle, 'main.js'), 'main')
  await writeFile(join(bundle, 'zz-chunk.js'), 'chunk')
  await writeFile(join(bundle, 'assets/inner/a.proto'), 'proto')
})
afterEach(async () => {
  await chmod(room, 0o755)
  await rm(room, { recursive: true, force: true })
})

const filesOf = async (place: string) => {
  const entries = await readdir(place, { recursive: true, withFileTypes: true })
  return entries
    .filter((one) => one.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(place.length + 1))
    .sort()
}
const all = ['assets/inner/a.proto', 'main.js', 'zz-chunk.js']

test('copies the whole bundle, which any user may read, to a folder that it makes', async () => {
  const umask = process.umask(0o077)
  try {
    await chmod(join(bundle, 'zz-chunk.js'), 0o600)
    expect(await installBundle(bundle, join(folder, 'deep'))).toBe(3)
  } finally {
    process.umask(umask)
  }
  expect(await filesOf(join(folder, 'deep'))).toEqual(all)
  expect(await readFile(join(folder, 'deep/assets/inner/a.proto'), 'utf8')).toBe('proto')
  for (const file of all) expect((await stat(join(folder, 'deep', file))).mode & 0o777).toBe(0o644)
  for (const place of ['.', 'deep', 'deep/assets', 'deep/assets/inner'])
    expect((await stat(join(folder, place))).mode & 0o777).toBe(0o755)
})

test('again, also after one that was interrupted: completes it, and leaves other files', async () => {
  await mkdir(folder)
  await writeFile(join(folder, 'main.js.installing'), 'ma')
  await writeFile(join(folder, 'zz-chunk.js'), 'chu')
  await writeFile(join(folder, 'other'), 'mine')
  await installBundle(bundle, folder)
  await installBundle(bundle, folder)
  expect(await filesOf(folder)).toEqual([...all.slice(0, 2), 'other', 'zz-chunk.js'])
  expect(await readFile(join(folder, 'zz-chunk.js'), 'utf8')).toBe('chunk')
})

test('puts the entry in place last: without all others there is none', async () => {
  await mkdir(join(folder, 'zz-chunk.js'), { recursive: true })
  await expect(installBundle(bundle, folder)).rejects.toMatchObject({
    exitCode: 74,
    message: `cannot install into ${folder}: a folder is in the way`,
  })
  expect(await filesOf(folder)).not.toContain('main.js')
})

test('a file in the way is told', async () => {
  await writeFile(folder, '')
  await expect(installBundle(bundle, folder)).rejects.toMatchObject({
    exitCode: 74,
    message: `cannot install into ${folder}: a file is in the way`,
  })
})

test('not into the bundle itself', async () => {
  await expect(installBundle(bundle, join(bundle, 'assets'))).rejects.toMatchObject({ exitCode: 64 })
  expect(await filesOf(bundle)).toEqual(all)
})

test('sources have no bundle to be copied', async () => {
  await expect(installBundle(import.meta.dirname, folder)).rejects.toMatchObject({
    exitCode: 64,
    fix: expect.stringContaining('npx nx build log-shipper'),
  })
  await expect(stat(folder)).rejects.toThrow('ENOENT')
})
