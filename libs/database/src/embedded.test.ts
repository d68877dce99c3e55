import { existsSync, readdirSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { borrowed, type Database, type Queryable } from './database.ts'
import { openEmbedded } from './embedded.ts'

let database: Database
let folder: string
beforeAll(async () => {
  const before = ownFolders()
  database = await openEmbedded()
  folder = ownFolders().find((name) => !before.includes(name)) ?? ''
}, 120_000)
afterAll(() => database.close(), 30_000)

const ownFolders = () =>
  readdirSync(tmpdir())
    .filter((name) => name.startsWith(`armature-database-${hostname()}-${process.pid}-`))
    .map((name) => `${tmpdir()}/${name}`)

const countOf = async (table: string) => {
  const { rows } = await database.query<{ n: number }>(`select count(*) as n from ${table}`)
  return rows[0]?.n
}

describe('a statement', () => {
  test('gets its params as values, whatever they hold', async () => {
    const hostile = `'; drop table x; -- \\ $1 "`
    const { rows, count } = await database.query('select $1::text as back, $2::text as nothing', [hostile, undefined])
    expect(rows).toEqual([{ back: hostile, nothing: null }])
    expect(count).toBe(1)
  })

  test('answers with JavaScript values', async () => {
    const { rows } = await database.query(
      `select 7::int8 as small, 9007199254740993::int8 as large, 1.5::numeric as exact, '{"a":1}'::jsonb as json,
              '\\x6162'::bytea as bytes, array[1,2] as list, timestamptz '2020-01-02T03:04:05Z' as time`,
    )
    expect(rows).toEqual([
      {
        small: 7,
        large: 9007199254740993n,
        exact: '1.5',
        json: { a: 1 },
        bytes: new Uint8Array([0x61, 0x62]),
        list: [1, 2],
        time: new Date('2020-01-02T03:04:05Z'),
      },
    ])
  })

  test('tells how many rows it changed', async () => {
    await database.query('create table changed (n int)')
    expect(await database.query('insert into changed values (1), (2), (3)')).toEqual({ rows: [], count: 3 })
    expect((await database.query('update changed set n = n + 1 where n > 1')).count).toBe(2)
    expect((await database.query('select * from changed where false')).count).toBe(0)
  })

  test.each([
    { sql: 'select * from nowhere', code: '42P01' },
    { sql: 'select 1; select 2', code: '42601' },
    { sql: "select st_geomfromtext('POLYGON((0 0, 1')", code: 'XX000' },
    { sql: '', code: 'XX000' },
  ])('that fails is rejected with its SQLSTATE: $sql', async ({ sql, code }) => {
    await expect(database.query(sql)).rejects.toMatchObject({ name: 'DatabaseError', code })
  })

  test('that breaks a constraint names it, and the error holds no params', async () => {
    await database.query('create table once (id text constraint only_once primary key)')
    await database.query('insert into once values ($1)', ['a secret'])
    const error: unknown = await database
      .query('insert into once values ($1)', ['a secret'])
      .catch((one: unknown) => one)
    expect(error).toMatchObject({ code: '23505', constraint: 'only_once' })
    expect(JSON.stringify(error)).not.toContain('a secret')
  })

  test('given up before its turn never begins', async () => {
    await database.query('create table given_up (n int)')
    const giveUp = new AbortController()
    const earlier = database.query('select pg_sleep(0.01)')
    const late = database.query('insert into given_up values (1)', [], { signal: giveUp.signal })
    giveUp.abort()
    await earlier
    await expect(late).rejects.toMatchObject({ code: '57014' })
    expect(await countOf('given_up')).toBe(0)
  })

  test('one of many lets the event loop have its turn', async () => {
    let turns = 0
    const timer = setInterval(() => (turns += 1))
    await Promise.all(Array.from({ length: 200 }, () => database.query('select pg_sleep(0.001)')))
    clearInterval(timer)
    expect(turns).toBeGreaterThan(20)
  })
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

describe('a transaction', () => {
  beforeAll(() => database.query('create table kept (n int)'))
  const put = (n: number) => (within: Queryable) => within.query('insert into kept values ($1)', [n])

  test('is committed when its function resolves, with its value', async () => {
    const before = await countOf('kept')
    expect(await database.transaction(async (within) => (await put(1)(within)).count)).toBe(1)
    expect(await countOf('kept')).toBe(Number(before) + 1)
  })

  test('is rolled back when its function rejects, with its error', async () => {
    const before = await countOf('kept')
    const fault = new Error('changed my mind')
    const work = async (within: Queryable) => {
      await put(2)(within)
      throw fault
    }
    await expect(database.transaction(work)).rejects.toBe(fault)
    expect(await countOf('kept')).toBe(before)
  })

  test('with a failed statement is not committed, even when the function hides it', async () => {
    const before = await countOf('kept')
    const work = async (within: Queryable) => {
      await put(3)(within)
      await within.query('select * from nowhere').catch(() => undefined)
    }
    await expect(database.transaction(work)).rejects.toMatchObject({ code: '25P02' })
    expect(await countOf('kept')).toBe(before)
  })

  test('has the database to itself until it is over', async () => {
    const seen: string[] = []
    const work = async (within: Queryable) => {
      await put(4)(within)
      seen.push('inside')
      await put(5)(within)
    }
    await Promise.all([
      database.transaction(work).then(() => seen.push('committed')),
      database.query('select 1').then(() => seen.push('outside')),
    ])
    expect(seen).toEqual(['inside', 'committed', 'outside'])
  })

  test('is closed to statements that come after its end', async () => {
    const kept = await database.transaction(async (within) => within)
    await expect(kept.query('select 1')).rejects.toMatchObject({ code: '25P01' })
  })
})

describe('closing', () => {
  test('is the owner’s: a borrowed database goes on', async () => {
    const lent = borrowed(database)
    await lent.close()
    expect((await lent.query('select 1')).count).toBe(1)
  })

  test('waits for what is under way, then removes the private copy; it can be asked for twice', async () => {
    expect(existsSync(folder)).toBe(true)
    const last = database.query('select 1')
    await Promise.all([database.close(), database.close()])
    expect((await last).count).toBe(1)
    expect(existsSync(folder)).toBe(false)
    await expect(database.query('select 1')).rejects.toMatchObject({ code: '08003' })
    await expect(database.transaction(async () => 1)).rejects.toMatchObject({ code: '08003' })
  }, 30_000)
})
