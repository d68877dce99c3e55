import { serverDeadlineMs } from '@armature/servers/fixture'
import { startPostgres } from '@armature/servers/postgres'
import type { RunningServer } from '@armature/servers/server'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Database } from '../src/database.ts'
import { migrate } from '../src/migrate.ts'
import { openDatabase } from '../src/open.ts'
import { databaseConformance } from './conformance.ts'

let server: RunningServer
const open: Database[] = []
const opened = async (options = {}): Promise<Database> => {
  const database = await openDatabase(server.url, options)
  open.push(database)
  return database
}
beforeAll(async () => {
  server = await startPostgres()
}, serverDeadlineMs)
afterAll(async () => {
  for (const database of open) await database.close()
  await server.stop()
}, 60_000)

databaseConformance('postgres', () => openDatabase(server.url))

describe('a server', () => {
  test('runs statements at once, up to the number of connections', async () => {
    const database = await opened({ maxConnections: 2 })
    const first = Promise.withResolvers<void>()
    const held = database.transaction(() => first.promise)
    expect((await database.query('select 1')).count).toBe(1)
    first.resolve()
    await held
  })

  test('cancels a statement that is given up, and the connection goes on', async () => {
    const database = await opened({ maxConnections: 2 })
    const giveUp = new AbortController()
    const sleeping = database.query('select pg_sleep(60)', [], { signal: giveUp.signal })
    const watcher = await opened()
    const running = async () =>
      (await watcher.query(`select 1 from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'`))
        .count
    await vi.waitFor(async () => expect(await running()).toBe(1), { timeout: 10_000 })
    giveUp.abort()
    await expect(sleeping).rejects.toMatchObject({ code: '57014' })
    await vi.waitFor(async () => expect(await running()).toBe(0), { timeout: 10_000 })
    expect((await database.query('select 1')).count).toBe(1)
  })

  test('holds the next statement back until a cancel that came late is over', async () => {
    const rounds = 20
    let late = 0
    for (let round = 0; round < rounds && late < 3; round += 1) {
      // Its first cancel needs a connection first, and comes when the statement has ended.
      const database = await openDatabase(server.url, { maxConnections: 1 })
      const giveUp = new AbortController()
      const work = database.transaction(async (within) => {
        const short = within.query('select 1', [], { signal: giveUp.signal })
        giveUp.abort()
        await short
        late += 1
        return (await within.query('select pg_sleep(0.2)')).count
      })
      const before = late
      const ended = await work.catch((error: unknown) => (error as { code: unknown }).code)
      expect(ended).toBe(late > before ? 1 : '57014')
      await database.close()
    }
    expect(late).toBe(3)
  }, 60_000)

  test('cancels a statement that takes too long', async () => {
    const database = await opened({ statementTimeoutMs: 50 })
    await expect(database.query('select pg_sleep(60)')).rejects.toMatchObject({ code: '57014' })
    expect((await database.query('select 1')).count).toBe(1)
  })

  test('cancels what is given up also when all connections are busy', async () => {
    const database = await opened({ maxConnections: 2 })
    const giveUp = new AbortController()
    const sleeping = [1, 2].map(() => database.query('select pg_sleep(60)', [], { signal: giveUp.signal }))
    const watcher = await opened()
    const running = async () =>
      (await watcher.query(`select 1 from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'`))
        .count
    await vi.waitFor(async () => expect(await running()).toBe(2), { timeout: 10_000 })
    giveUp.abort()
    await Promise.all(sleeping.map((one) => expect(one).rejects.toMatchObject({ code: '57014' })))
    expect((await database.query('select 1')).count).toBe(1)
  })

  test('stops a statement at its own timeout, and the next one has the usual one again', async () => {
    const database = await opened({ maxConnections: 1, statementTimeoutMs: 20_000 })
    const timeout = async (options = {}) =>
      (await database.query<{ now: string }>(`select current_setting('statement_timeout') as now`, [], options)).rows[0]
        ?.now
    await expect(database.query('select pg_sleep(60)', [], { timeoutMs: 15 })).rejects.toMatchObject({ code: '57014' })
    expect(await timeout({ timeoutMs: 15 })).toBe('20ms')
    expect(await timeout({ timeoutMs: 501 })).toBe('1s')
    expect(await timeout({ timeoutMs: 60_000 })).toBe('20s')
    await timeout({ timeoutMs: 1 })
    expect(await database.transaction(async (within) => (await within.query('select pg_sleep(0.01)')).count)).toBe(1)
    expect(await timeout()).toBe('20s')
  })

  test('parses a statement with a name once a connection', async () => {
    const database = await opened({ maxConnections: 1 })
    const run = (n: number) => database.query('select $1::int + 1 as sum', [n], { name: 'sum' })
    for (const n of [1, 2, 3]) await run(n)
    const { rows } = await database.query(`select generic_plans + custom_plans as runs from pg_prepared_statements`)
    expect(rows).toEqual([{ runs: 3 }])
  })

  test('bug: after a session that an administrator ended the next statement failed too', async () => {
    const database = await opened({ maxConnections: 1 })
    const end = () => database.query('select pg_terminate_backend(pg_backend_pid())')
    for (let round = 0; round < 5; round += 1) {
      await expect(end()).rejects.toMatchObject({ code: expect.stringMatching(/^(08|57P)/) })
      expect((await database.query('select 1')).count).toBe(1)
    }
  })

  test('several processes migrate at once without collision', async () => {
    const databases = await Promise.all([1, 2, 3].map(() => opened()))
    const step = { name: 'once', statements: ['create table once_only (id int)'] }
    const ran = await Promise.all(databases.map((database) => migrate(database, { owner: 'many', steps: [step] })))
    expect(ran.sort()).toEqual([0, 0, 1])
  })

  test('that goes down rejects with class 08 or 57, and is found again when it is back', async () => {
    const database = await opened()
    const lost = database.transaction(async (within) => {
      await within.query('select 1')
      await server.crash()
      await within.query('select 1')
    })
    await expect(lost).rejects.toMatchObject({ name: 'DatabaseError', code: expect.stringMatching(/^(08|57)/) })
    await expect(database.query('select 1')).rejects.toMatchObject({ code: expect.stringMatching(/^08/) })
    await server.restart()
    await vi.waitFor(async () => expect((await database.query('select 1')).count).toBe(1), { timeout: 20_000 })
  }, 60_000)
})

test.each([
  { what: 'nothing listens', change: (url: URL) => (url.port = '1'), says: 'ECONNREFUSED' },
  { what: 'the database does not exist', change: (url: URL) => (url.pathname = '/nowhere'), says: 'nowhere' },
])('openDatabase where $what: exit code 69, and no password', async ({ change, says }) => {
  const url = new URL(server.url)
  url.password = 'canary'
  change(url)
  const error: unknown = await openDatabase(url.href).catch((one: unknown) => one)
  expect(error).toMatchObject({ name: 'DatabaseError', exitCode: 69, message: expect.stringContaining(says) })
  expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain('canary')
})
