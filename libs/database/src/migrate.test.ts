import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Database } from './database.ts'
import { openEmbedded } from './embedded.ts'
import { migrate, type Migration } from './migrate.ts'

let database: Database
beforeAll(async () => {
  database = await openEmbedded()
}, 120_000)
afterAll(() => database.close(), 30_000)

const first: Migration = { name: 'box', statements: ['create table box (id int primary key)'] }
const second: Migration = {
  name: 'three boxes',
  statements: [{ sql: 'insert into box select generate_series(1, 3)', count: 3 }],
}

test('steps run once each, in order, and new ones later', async () => {
  expect(await migrate(database, { owner: 'shop', steps: [first] })).toBe(1)
  expect(await migrate(database, { owner: 'shop', steps: [first, second] })).toBe(1)
  expect(await migrate(database, { owner: 'shop', steps: [first, second] })).toBe(0)
  expect((await database.query('select * from box')).count).toBe(3)
})

test('several owners keep apart, several starts at once do not collide', async () => {
  const step = { name: 'lid', statements: ['create table lid (id int)'] }
  const ran = await Promise.all([1, 2, 3].map(() => migrate(database, { owner: 'lids', steps: [step] })))
  expect(ran.sort()).toEqual([0, 0, 1])
})

test('an older release leaves a newer schema as it is', async () => {
  await migrate(database, {
    owner: 'ahead',
    steps: [
      { name: 'a', statements: [] },
      { name: 'b', statements: [] },
    ],
  })
  expect(await migrate(database, { owner: 'ahead', steps: [{ name: 'a', statements: [] }] })).toBe(0)
})

test.each([
  {
    fault: 'a failing statement',
    bad: ['create table half (id int)', 'select * from nowhere'],
    says: 'does not exist',
  },
  {
    fault: 'a wrong count',
    bad: ['create table half (id int)', { sql: 'select 1', count: 2 }],
    says: '1 rows instead of 2',
  },
])('a step with $fault is named, undone and run again', async ({ bad, says }) => {
  const owner = `owner of ${says}`
  await expect(migrate(database, { owner, steps: [{ name: 'halves', statements: bad }] })).rejects.toThrow(
    new RegExp(`^migration 1 of ${owner} \\(halves\\): .*${says}`),
  )
  await expect(database.query('select * from half')).rejects.toMatchObject({ code: '42P01' })
  expect(await migrate(database, { owner, steps: [{ name: 'halves', statements: ['select 1'] }] })).toBe(1)
})

test('a step that was changed after it had been run is refused', async () => {
  await migrate(database, { owner: 'edited', steps: [{ name: 'a', statements: ['select 1'] }] })
  const edited = { owner: 'edited', steps: [{ name: 'a', statements: ['select 2'] }] }
  await expect(migrate(database, edited)).rejects.toThrow('migration 1 of edited (a): it was changed')
})
