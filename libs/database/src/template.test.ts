import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openEmbedded } from './embedded.ts'
import { preparePostgis, prepareTemplate, type Template } from './template.ts'

let cache: string
let ready: string
const said: string[] = []
const options = () => ({ cache, onProgress: (line: string) => void said.push(line) })

beforeAll(async () => {
  cache = mkdtempSync(join(tmpdir(), 'template-test-'))
  ready = await preparePostgis()
  cpSync(ready, join(cache, basename(ready)), { recursive: true })
}, 120_000)
afterAll(() => rmSync(cache, { recursive: true, force: true }))

const fruit = (version: string, names: readonly string[]): Template => ({
  name: 'fruit',
  version,
  build: async (database) => {
    await database.query('create table fruit (name text)')
    await database.query('insert into fruit select unnest($1::text[])', [names])
  },
})

test('a template is made once, also when it is asked for twice at once, and is what databases start from', async () => {
  const template = fruit('1', ['apple', 'pear'])
  const folders = await Promise.all([prepareTemplate(template, options()), prepareTemplate(template, options())])
  expect(new Set(folders).size).toBe(1)
  expect(said.filter((line) => line.includes('making'))).toHaveLength(1)
  expect(said.filter((line) => line.includes('waiting'))).toHaveLength(1)

  const database = await openEmbedded({
    ...options(),
    template: { ...template, build: () => Promise.reject(new Error('built again')) },
  })
  const { rows } = await database.query('select name, st_astext(st_makepoint(1, 2)) as point from fruit order by name')
  await database.query('delete from fruit')
  await database.close()
  expect(rows).toEqual([
    { name: 'apple', point: 'POINT(1 2)' },
    { name: 'pear', point: 'POINT(1 2)' },
  ])
  const again = await openEmbedded({ ...options(), template })
  expect((await again.query('select * from fruit')).count).toBe(2)
  await again.close()
}, 120_000)

test('a build that fails leaves nothing, and the next one succeeds', async () => {
  const failing = { ...fruit('2', []), build: () => Promise.reject(new Error('no fruit')) }
  await expect(prepareTemplate(failing, options())).rejects.toThrow('no fruit')
  expect(readdirSync(cache).filter((name) => /draft|lock|fruit-2/.test(name))).toEqual([])
  expect(existsSync(await prepareTemplate(fruit('2', ['plum']), options()))).toBe(true)
}, 120_000)

test('what was not used for 30 days is removed when something is made', async () => {
  for (const [name, ageDays] of [
    ['old', 31],
    ['young', 29],
  ] as const) {
    mkdirSync(join(cache, name))
    const time = new Date(Date.now() - ageDays * 24 * 3_600_000)
    utimesSync(join(cache, name), time, time)
  }
  await prepareTemplate(fruit('3', []), options())
  expect(readdirSync(cache)).toContain('young')
  expect(readdirSync(cache)).not.toContain('old')
}, 120_000)

test.each([
  { name: '../up', version: '1' },
  { name: 'fruit', version: '1/2' },
  { name: '', version: '1' },
])('a name or version that is no file name is rejected: $name $version', async ({ name, version }) => {
  await expect(prepareTemplate({ ...fruit('1', []), name, version }, options())).rejects.toMatchObject({
    code: '22023',
  })
})
