import { fileURLToPath } from 'node:url'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { startPostgres } from '@armature/servers/postgres'
import { startProgram } from '@armature/servers/program'
import type { RunningServer } from '@armature/servers/server'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import type { Database } from '../src/database.ts'
import { migrate, type Migration } from '../src/migrate.ts'
import { openPostgres } from '../src/postgres.ts'

const timeout = 20_000
let server: RunningServer
let watcher: Database
const ends: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  server = await startPostgres()
  watcher = await openPostgres(server.url)
}, serverDeadlineMs)
afterAll(async () => {
  await watcher.close()
  await server.stop()
}, 60_000)
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const opened = async (statementTimeoutMs = 100): Promise<Database> => {
  const database = await openPostgres(server.url, { statementTimeoutMs })
  ends.push(() => database.close())
  return database
}
const slow = (name: string, seconds = 0.5): Migration => ({
  name,
  statements: [`select pg_sleep(${seconds})`, `create table ${name} (n int)`],
})
const running = async (sql: string) =>
  (await watcher.query(`select 1 from pg_stat_activity where state = 'active' and query like $1`, [`${sql}%`])).count
const whenRunning = (sql: string, count = 1) =>
  vi.waitFor(async () => expect(await running(sql)).toBe(count), { timeout })

test('bug: a migration longer than the statement timeout could never be done', async () => {
  const database = await opened()
  expect(await migrate(database, { owner: 'slow', steps: [slow('slow_one'), slow('slow_two')] })).toBe(2)
  await expect(database.query('select pg_sleep(60)')).rejects.toMatchObject({ code: '57014' })
})

test('bug: who waited for another one that migrates hit the statement timeout too', async () => {
  const [first, second] = [await opened(), await opened()]
  const steps = [slow('turn', 1)]
  const ran = [migrate(first, { owner: 'turns', steps })]
  await whenRunning('select pg_sleep(1)')
  ran.push(migrate(second, { owner: 'turns', steps }), migrate(second, { owner: 'others', steps: [slow('other')] }))
  expect(await Promise.all(ran)).toEqual([1, 0, 1])
})

test('a table that another one holds is waited for, for so long and no longer: others would wait behind it', async () => {
  await watcher.query('create table held (n int)')
  const freed = Promise.withResolvers<void>()
  const isHeld = Promise.withResolvers<void>()
  const holding = watcher.transaction(async (within) => {
    await within.query('select * from held')
    isHeld.resolve()
    await freed.promise
  })
  await isHeld.promise
  const database = await opened()
  const migrations = { owner: 'held', steps: [{ name: 'wider', statements: ['alter table held add column m int'] }] }
  try {
    await expect(migrate(database, migrations, { lockTimeoutMs: 200 })).rejects.toMatchObject({
      message: expect.stringMatching(/^migration 1 of held \(wider\): .*lock timeout/),
      code: '55P03',
      exitCode: 75,
    })
    const waiting = migrate(database, migrations)
    await whenRunning('alter table held')
    freed.resolve()
    expect(await waiting).toBe(1)
  } finally {
    freed.resolve()
    await holding
  }
})

test('a turn that does not come is an error that says so', async () => {
  const [first, second] = [await opened(), await opened()]
  const ran = migrate(first, { owner: 'long', steps: [slow('long', 2)] })
  await whenRunning('select pg_sleep(2)')
  await expect(migrate(second, { owner: 'late', steps: [] }, { turnTimeoutMs: 100 })).rejects.toMatchObject({
    message: expect.stringContaining('the table of migrations, for late'),
    exitCode: 75,
  })
  expect(await ran).toBe(1)
})

test('a signal ends the wait for the turn, and a step, which is undone', async () => {
  const [first, second] = [await opened(), await opened()]
  const stop = new AbortController()
  const { signal } = stop
  const step = { name: 'half', statements: ['create table half (n int)', 'select pg_sleep(601)'] }
  const ran = migrate(first, { owner: 'half', steps: [slow('whole', 0), step] }, { signal })
  await whenRunning('select pg_sleep(601)')
  const late = migrate(second, { owner: 'late', steps: [] }, { signal })
  await whenRunning('select pg_advisory_xact_lock')
  stop.abort()
  await Promise.all([
    expect(ran).rejects.toMatchObject({ message: expect.stringContaining('migration 2 of half'), code: '57014' }),
    expect(late).rejects.toMatchObject({ code: '57014' }),
  ])
  const tables = await watcher.query(`select 1 from pg_class where relname in ('whole', 'half')`)
  expect(tables.count).toBe(1)
})

test('a migration ends with its process: the next one has its turn', async () => {
  const from = (name: string) => JSON.stringify(fileURLToPath(new URL(`../src/${name}.ts`, import.meta.url)))
  const program = startProgram(process.execPath, [
    '--input-type=module',
    '--eval',
    `const { openPostgres } = await import(${from('postgres')})
     const { migrate } = await import(${from('migrate')})
     const database = await openPostgres(${JSON.stringify(server.url)})
     await migrate(database, { owner: 'killed', steps: [{ name: 'killed', statements: ['select pg_sleep(600)'] }] })`,
  ])
  ends.push(() => program.kill())
  await whenRunning('select pg_sleep(600)')
  program.signal('SIGKILL')
  await program.ended()
  const database = await opened()
  expect(await migrate(database, { owner: 'killed', steps: [slow('killed', 0)] }, { turnTimeoutMs: timeout })).toBe(1)
}, 60_000)
