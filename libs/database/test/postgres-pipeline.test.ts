import { serverDeadlineMs } from '@armature/servers/fixture'
import { startPostgres } from '@armature/servers/postgres'
import type { RunningServer } from '@armature/servers/server'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { openPostgres } from '../src/postgres.ts'
import { createPipeline, type Pipeline, type PipelineOptions } from '../src/postgres-pipeline.ts'
import type { Statement } from '../src/postgres-statement.ts'

const timeout = 10_000
let server: RunningServer
let pool: pg.Pool
let pipeline: Pipeline
let holder: pg.PoolClient | undefined

beforeAll(async () => {
  server = await startPostgres()
  pool = new pg.Pool({ connectionString: server.url })
  pool.on('error', () => undefined)
  await pool.query('create table place (n int)')
}, serverDeadlineMs)
afterAll(async () => {
  await pool.end()
  await server.stop()
}, 60_000)

const connect = async () => {
  const client = new pg.Client({ connectionString: server.url, application_name: 'lane', pipeline: true })
  client.on('error', () => undefined)
  await client.connect()
  return client
}
const pidOf = (client: object) => (client as { readonly processID: number }).processID
const cancel: PipelineOptions['cancel'] = async (client) => {
  await pool.query('select pg_cancel_backend($1)', [pidOf(client)])
}

const byOther = { rows: [{ by: 'another connection' }], count: 1 }
const otherwise = () => Promise.resolve(byOther)
const query = (sql: string, more: Omit<Statement, 'sql'> = {}, from = pipeline) =>
  from.query<Record<string, unknown>>({ sql, ...more }, otherwise)
const valueOf = async (answer: ReturnType<typeof query>) => Object.values((await answer).rows[0] ?? {})[0]

/** With both of its connections there. */
const opened = async (options: Partial<PipelineOptions> = {}): Promise<Pipeline> => {
  const made = createPipeline({ connect, cancel, defaultTimeoutMs: 20_000, ...options })
  await vi.waitFor(
    async () => {
      const pids = await Promise.all([1, 2].map(() => valueOf(query('select pg_backend_pid()', {}, made))))
      expect(new Set(pids.filter((pid) => typeof pid === 'number')).size).toBe(2)
    },
    { timeout },
  )
  return made
}
/** Statements on the table wait, until `release` or the end of the test. */
const hold = async () => {
  holder = await pool.connect()
  await holder.query('begin; lock table place in access exclusive mode')
}
const release = async () => {
  await holder?.query('rollback').catch(() => undefined)
  holder?.release()
  holder = undefined
}
const waiting = async () =>
  (await pool.query(`select 1 from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'lane'`))
    .rowCount

beforeEach(async () => {
  pipeline = await opened()
}, 30_000)
afterEach(async () => {
  await release()
  await pipeline.close()
}, 30_000)

describe('statements that share connections', () => {
  test('each get their own answer, whatever becomes of those beside them', async () => {
    const answers = Array.from({ length: 100 }, (_, n) =>
      n % 10 === 3
        ? query('select 1 / $1::int', { params: [0], name: 'divided' }).catch((error: { code: string }) => error.code)
        : valueOf(query('select $1::int as n', { params: [n], name: 'back' })),
    )
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 100 }, (_, n) => (n % 10 === 3 ? '22012' : n)))
  })

  test('are sent without waiting for answers: they wait at the server, on two connections', async () => {
    await hold()
    const blocked = [1, 2].map(() => query('select count(*)::int from place'))
    const behind = Array.from({ length: 20 }, (_, n) => valueOf(query('select $1::int', { params: [n] })))
    await vi.waitFor(async () => expect(await waiting()).toBe(2), { timeout })
    let answered = 0
    for (const one of behind) void one.then(() => (answered += 1))
    expect(await valueOf(query('select 1', {}, await opened()))).toBe(1)
    expect(answered).toBe(0)
    await release()
    expect(await Promise.all(behind)).toEqual(Array.from({ length: 20 }, (_, n) => n))
    for (const one of blocked) expect(await valueOf(one)).toBe(0)
  })

  test('are bounded: what finds them full runs on another connection', async () => {
    await hold()
    const blocked = Array.from({ length: 128 }, () => query('select 1 from place'))
    expect(await query('select 1')).toBe(byOther)
    await release()
    expect((await Promise.all(blocked)).every((one) => one !== byOther)).toBe(true)
    expect(await valueOf(query('select 1'))).toBe(1)
  })

  test('have each their own timeout', async () => {
    const current = (timeoutMs?: number) => valueOf(query(`select current_setting('statement_timeout')`, { timeoutMs }))
    await expect(query('select pg_sleep(60)', { timeoutMs: 15 })).rejects.toMatchObject({ code: '57014' })
    expect(await Promise.all([current(), current(501), current(60_000), current(1_500), current()])).toEqual([
      '20s',
      '1s',
      '20s',
      '2s',
      '20s',
    ])
  })
})

describe('a statement that is given up', () => {
  test('before it was sent never begins', async () => {
    const signal = AbortSignal.abort()
    await expect(query('insert into place values (1)', { signal })).rejects.toMatchObject({ code: '57014' })
    expect(await valueOf(query('select count(*)::int from place'))).toBe(0)
  })

  test('is rejected at once, and cancelled: those behind it have their answers', async () => {
    await hold()
    const giveUp = new AbortController()
    const blocked = Array.from({ length: 4 }, () => query('select 1 from place', { signal: giveUp.signal }))
    const behind = Array.from({ length: 20 }, (_, n) => valueOf(query('select $1::int', { params: [n] })))
    await vi.waitFor(async () => expect(await waiting()).toBe(2), { timeout })
    const ends = blocked.map((one) => expect(one).rejects.toMatchObject({ name: 'DatabaseError', code: '57014' }))
    giveUp.abort()
    await Promise.all(ends)
    await vi.waitFor(async () => expect(await waiting()).toBe(0), { timeout })
    const numbers = await Promise.all(behind)
    expect(numbers.map((one, n) => one === n || one === 'another connection')).not.toContain(false)
  })

  test('that ends by itself is not cancelled', async () => {
    const cancels: object[] = []
    const gentle = await opened({ cancel: async (client) => void cancels.push(client) })
    const giveUp = new AbortController()
    const given = query('select 1', { signal: giveUp.signal }, gentle)
    giveUp.abort()
    await expect(given).rejects.toMatchObject({ code: '57014' })
    expect(await valueOf(query('select pg_sleep(0.2)::text', {}, gentle))).toBe('')
    await gentle.close()
    expect(cancels).toEqual([])
  })

  test('and whose cancel comes late: the one that it hits runs again, on another connection', async () => {
    const active = async (pid: number) =>
      (await pool.query(`select 1 from pg_stat_activity where pid = $1 and query like '%pg_sleep(30)%'`, [pid]))
        .rowCount
    const late = await opened({
      cancel: async (client) => {
        await vi.waitFor(async () => expect(await active(pidOf(client))).toBe(1), { timeout })
        await cancel(client)
      },
    })
    const giveUp = new AbortController()
    const given = [1, 2].map(() => query('select pg_sleep(0.5)', { signal: giveUp.signal }, late))
    const hit = [1, 2].map(() => query('select pg_sleep(30)', {}, late))
    const ends = given.map((one) => expect(one).rejects.toMatchObject({ code: '57014' }))
    giveUp.abort()
    await Promise.all(ends)
    expect(await Promise.all(hit)).toEqual([byOther, byOther])
    await late.close()
  })
})

describe('a connection', () => {
  test('that is lost rejects its statements, and another takes its place', async () => {
    await hold()
    const lost = [1, 2].map(() =>
      expect(query('select 1 from place')).rejects.toMatchObject({ code: expect.stringMatching(/^(08|57)/) }),
    )
    await vi.waitFor(async () => expect(await waiting()).toBe(2), { timeout })
    await pool.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'lane'`)
    await Promise.all(lost)
    await release()
    await vi.waitFor(async () => expect(await valueOf(query('select 1'))).toBe(1), { timeout })
  })

  test('that cannot be had is no fault of the statement', async () => {
    const alone = createPipeline({ connect: () => Promise.reject(new Error('no')), cancel, defaultTimeoutMs: 1 })
    expect(await query('select 1', {}, alone)).toBe(byOther)
    expect(await query('select 1', {}, alone)).toBe(byOther)
    await alone.close()
  })

  test('is closed once its statements have their answers', async () => {
    await hold()
    const blocked = query('select 1 as one from place')
    await vi.waitFor(async () => expect(await waiting()).toBe(1), { timeout })
    let closed = false
    const closing = pipeline.close().then(() => (closed = true))
    expect(await query('select 1')).toBe(byOther)
    expect(closed).toBe(false)
    await release()
    expect((await blocked).count).toBe(0)
    await closing
  })
})

test('a pipelined statement of a database answers as any other, before and after its connections are there', async () => {
  const database = await openPostgres(server.url)
  const run = async (n: number) =>
    (await database.query<{ n: number }>('select $1::int8 as n', [n], { name: 'n', pipelined: true })).rows[0]?.n
  expect(await run(-1)).toBe(-1)
  const own = async () =>
    (await pool.query(`select 1 from pg_stat_activity where application_name = 'armature'`)).rowCount
  await vi.waitFor(async () => expect(await own()).toBe(3), { timeout })
  expect(await Promise.all(Array.from({ length: 50 }, (_, n) => run(n)))).toEqual(
    Array.from({ length: 50 }, (_, n) => n),
  )
  expect(await own()).toBe(3)
  await database.close()
  await vi.waitFor(async () => expect(await own()).toBe(0), { timeout })
})
