import { existsSync, readdirSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database, Queryable } from '../src/database.ts'
import { openEmbedded } from '../src/embedded.ts'
import { databaseConformance } from './conformance.ts'

databaseConformance('embedded', openEmbedded)

const ownFolders = () =>
  readdirSync(tmpdir())
    .filter((name) => name.startsWith(`armature-database-${hostname()}-${process.pid}-`))
    .map((name) => `${tmpdir()}/${name}`)

describe('PGlite', () => {
  let database: Database
  let folder: string
  beforeAll(async () => {
    const before = ownFolders()
    database = await openEmbedded()
    folder = ownFolders().find((name) => !before.includes(name)) ?? ''
  }, 120_000)
  afterAll(() => database.close(), 30_000)

  const countOf = async (table: string) => (await database.query(`select * from ${table}`)).count

  test('lets a transaction have the database to itself', async () => {
    const seen: string[] = []
    const work = async (within: Queryable) => {
      await within.query('select 1')
      seen.push('inside')
      await within.query('select 2')
    }
    await Promise.all([
      database.transaction(work).then(() => seen.push('committed')),
      database.query('select 1').then(() => seen.push('outside')),
    ])
    expect(seen).toEqual(['inside', 'committed', 'outside'])
  })

  test('lets the event loop have its turn', async () => {
    let turns = 0
    const timer = setInterval(() => (turns += 1))
    await Promise.all(Array.from({ length: 200 }, () => database.query('select pg_sleep(0.001)')))
    clearInterval(timer)
    expect(turns).toBeGreaterThan(20)
  })
  /** ST_Subdivide raises on it, and PGlite loses the error. */
  const crossed = `select st_subdivide(st_geomfromtext('POLYGON((0 1, 8 5, 5 2, 0 7, 7 9, 4 5, 0 1))'), 5) as part`

  describe('an error that PGlite swallows is an error', () => {
    beforeAll(() => database.query('create table parts (part geometry)'))

    test.each([
      { form: 'select', sql: crossed },
      { form: 'count', sql: `select count(*) from (${crossed}) as s` },
      { form: 'insert', sql: `insert into parts ${crossed}` },
      { form: 'insert returning', sql: `insert into parts ${crossed} returning 1` },
      { form: 'create table as', sql: `create table copies as ${crossed}` },
    ])('$form', async ({ sql }) => {
      await expect(database.query(sql)).rejects.toThrow('gave up on a statement without saying why')
      expect(await countOf('parts')).toBe(0)
    })

    test('in a transaction, which is rolled back', async () => {
      const work = async (within: Queryable) => {
        await within.query('create table beside (n int)')
        await within.query(`insert into parts ${crossed} returning 1`)
      }
      await expect(database.transaction(work)).rejects.toThrow('without saying why')
      await expect(database.query('select * from beside')).rejects.toMatchObject({ code: '42P01' })
    })

    test('while the repaired polygon is taken', async () => {
      const { count } = await database.query(
        crossed.replace('st_geomfromtext(', 'st_makevalid(st_geomfromtext(').replace('), 5)', ')), 5)'),
      )
      expect(count).toBeGreaterThan(0)
    })
  })

  test('an empty statement is an error', async () => {
    await expect(database.query('')).rejects.toMatchObject({ code: 'XX000' })
  })

  test('has a private copy, which closing removes', async () => {
    expect(existsSync(folder)).toBe(true)
    await database.close()
    expect(existsSync(folder)).toBe(false)
  }, 30_000)
})
