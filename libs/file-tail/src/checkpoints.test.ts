import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Checkpoint, createCheckpointFile } from './checkpoints.ts'
import { startMark } from './fingerprint.ts'

let folder: string
let path: string
const warnings: string[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoints-'))
  path = join(folder, 'files.json')
  warnings.length = 0
})
afterEach(() => rm(folder, { recursive: true }))

const checkpointsOf = (count: number, generation = 0): readonly Checkpoint[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `${index}-${generation}`,
    path: `/var/log/${index}.log`,
    target: `/var/log/${index}.log`,
    key: `1:${index}`,
    mark: startMark,
  }))
const open = () => createCheckpointFile({ path, durable: false, warn: (problem) => void warnings.push(problem) })

test('what was written is read', async () => {
  expect(await open().read()).toEqual([])
  const checkpoints = checkpointsOf(3)
  await open().write(checkpoints)
  expect(await open().read()).toEqual(checkpoints)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test('whoever reads while they are written finds the old ones or the new', async () => {
  const file = open()
  await file.write(checkpointsOf(500))
  let isOver = false
  const reads = (async () => {
    while (!isOver) {
      const { files } = JSON.parse(await readFile(path, 'utf8')) as { files: readonly Checkpoint[] }
      expect(files).toHaveLength(500)
      expect(new Set(files.map(({ id }) => id.split('-')[1])).size).toBe(1)
    }
  })()
  for (let generation = 1; generation <= 100; generation++) await file.write(checkpointsOf(500, generation))
  isOver = true
  await reads
})

test.each(['', '{', '{"version":2,"files":[]}', '{"version":1,"files":[{"id":"a"}]}', 'null'])(
  'damaged ones are set aside: %j',
  async (text) => {
    await writeFile(path, text)
    expect(await open().read()).toEqual([])
    expect(warnings).toHaveLength(1)
    expect(await readFile(`${path}.damaged`, 'utf8')).toBe(text)
    await open().write(checkpointsOf(1))
    expect(await open().read()).toEqual(checkpointsOf(1))
  },
)
