import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withoutClose, type Database, type Queryable } from '../src/database.ts'

/** The promises of every database of the port. `open` gives an empty one with PostGIS available. */
export const databaseConformance = (name: string, open: () => Promise<Database>): void => {
  describe(name, () => {
    let database: Database
    beforeAll(async () => {
      database = await open()
      await database.query('create extension if not exists postgis')
    }, 600_000)
    afterAll(() => database.close(), 30_000)

    const countOf = async (table: string) => {
      const { rows } = await database.query<{ n: number }>(`select count(*) as n from ${table}`)
      return rows[0]?.n
    }

    describe('a statement', () => {
      test('gets its params as values, whatever they hold', async () => {
        const hostile = `'; drop table x; -- \\ $1 "`
        const { rows, count } = await database.query('select $1::text as back, $2::text as nothing', [
          hostile,
          undefined,
        ])
        expect(rows).toEqual([{ back: hostile, nothing: null }])
        expect(count).toBe(1)
      })

      test('answers with JavaScript values', async () => {
        const { rows } = await database.query<{ bytes: Uint8Array }>(
          `select 7::int8 as small, 9007199254740993::int8 as large, 1.5::numeric as exact, '{"a":1}'::jsonb as json,
                  '\\x6162'::bytea as bytes, array[1,2] as list, timestamptz '2020-01-02T03:04:05Z' as time`,
        )
        expect(rows.map((row) => ({ ...row, bytes: [...row.bytes] }))).toEqual([
          {
            small: 7,
            large: 9007199254740993n,
            exact: '1.5',
            json: { a: 1 },
            bytes: [0x61, 0x62],
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

      test.each([{ pipelined: false }, { pipelined: true }])(
        'with a name is the same each time, with other params too: $pipelined',
        async (more) => {
          const options = { name: 'back', timeoutMs: 5_000, ...more }
          const named = async (text: string) =>
            (await database.query<{ back: string }>('select $1::text as back', [text], options)).rows
          for (const text of ['a', 'b', `'; --`]) expect(await named(text)).toEqual([{ back: text }])
        },
      )

      test('searches names by trigrams, upper and lower case alike, beyond ASCII too', async () => {
        await database.query('create extension if not exists pg_trgm')
        await database.query('create table named (name text)')
        await database.query("insert into named select 'Name ' || n from generate_series(1, 10000) as n")
        await database.query("insert into named values ('Côte')")
        await database.query('create index named_name on named using gin (name gin_trgm_ops)')
        await database.query('analyze named')
        const sql = `select name from named where name ilike '%CÔT%'`
        expect((await database.query(sql)).rows).toEqual([{ name: 'Côte' }])
        expect(JSON.stringify((await database.query(`explain ${sql}`)).rows)).toContain('named_name')
      })

      test('given up before its turn never begins', async () => {
        await database.query('create table given_up (n int)')
        const giveUp = new AbortController()
        const earlier = database.query('select pg_sleep(0.01)')
        const late = database.query('insert into given_up values (1)', [], { signal: giveUp.signal })
        const rejected = expect(late).rejects.toMatchObject({ code: '57014' })
        giveUp.abort()
        await Promise.all([earlier, rejected])
        expect(await countOf('given_up')).toBe(0)
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

      test('is closed to statements that come after its end', async () => {
        const kept = await database.transaction(async (within) => within)
        await expect(kept.query('select 1')).rejects.toMatchObject({ code: '25P01' })
      })
    })

    describe('closing', () => {
      test('is the owner’s: a borrowed database goes on', async () => {
        const lent = withoutClose(database)
        await lent.close()
        expect((await lent.query('select 1')).count).toBe(1)
      })

      test('waits for what is under way; it can be asked for twice, and ends everything', async () => {
        const last = database.query('select pg_sleep(0.05)')
        const finished = database.transaction(async (within) => (await within.query('select 1')).count)
        await Promise.all([database.close(), database.close()])
        expect((await last).count).toBe(1)
        expect(await finished).toBe(1)
        await expect(database.query('select 1')).rejects.toMatchObject({ code: '08003' })
        await expect(database.transaction(async () => 1)).rejects.toMatchObject({ code: '08003' })
      }, 30_000)
    })
  })
}
