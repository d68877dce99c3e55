import { type Database } from '@armature/database/database'
import { openDatabase } from '@armature/database/open'
import { systemClock } from '@armature/async/clock'
import { message } from '@armature/messaging/message'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { startPostgres } from '@armature/servers/postgres'
import type { RunningServer } from '@armature/servers/server'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { openPostgresSink } from '../src/postgres-sink.ts'
import type { Sink } from '../src/sink.ts'
import { groupWriter } from '../src/write-group.ts'
import { delivery } from './deliveries.ts'

let server: RunningServer
let database: Database
let sink: Sink
beforeAll(async () => {
  server = await startPostgres()
  database = await openDatabase(server.url)
  sink = await openPostgresSink(database)
}, serverDeadlineMs)
afterAll(async () => {
  await database.close()
  await server.stop()
}, 60_000)
beforeEach(() => database.query('truncate event'))
afterEach(async () => {
  await database.query('drop trigger if exists picky on event')
  await database.query('drop function if exists picky')
  await database.query('alter table event drop column if exists mandatory')
})

const trigger = async (body: string) => {
  await database.query(
    `create function picky() returns trigger language plpgsql as $$ begin ${body} return new; end $$`,
  )
  await database.query('create trigger picky before insert on event for each row execute function picky()')
}

const settled = async (...messages: ReturnType<typeof delivery>[]) => {
  const write = groupWriter({
    sink,
    telemetry: testTelemetry(),
    clock: systemClock(),
    maxAttempts: 5,
    retryDelayMs: 1,
    writeTimeoutMs: 20_000,
    closing: new AbortController().signal,
    onAttempt: () => undefined,
  })
  const errors = await write({ correlationKey: 'k', messages })
  return errors.map((error) => error?.name)
}
const text = (id: string, body = 'good') => delivery(body, { id })
const ids = async () =>
  (await database.query<{ id: string }>('select id from event order by id')).rows.map(({ id }) => id)

test.each(['53100', '55P03', '40001', '40P01', '25006'])(
  'bug: a message that failed by %s while the sink took smaller ones was dead-lettered',
  async (state) => {
    await trigger(`if new.text = 'large' then raise exception 'not now' using errcode = '${state}'; end if;`)
    const names = await settled(text('1'), text('2', 'large'), text('3'))
    expect(names).toEqual([undefined, 'RedeliverError', undefined])
    expect(await settled(text('2', 'large'))).toEqual(['RedeliverError'])
    expect(await ids()).toEqual(['1', '3'])
  },
)

test('bug: a column that must not be null, put on the table by others, dead-lettered all that came', async () => {
  await settled(text('1'))
  await database.query('truncate event')
  await database.query('alter table event add column mandatory text not null')
  expect(await settled(text('2'), text('3'))).toEqual(['RedeliverError', 'RedeliverError'])
})

test('bug: a row that waits for another session, by the lock timeout of its role, was dead-lettered', async () => {
  const url = new URL(server.url)
  url.searchParams.set('options', '-c lock_timeout=50ms')
  const other = await openDatabase(url.href)
  const sinkOfAll = sink
  const held = Promise.withResolvers<void>()
  const freed = Promise.withResolvers<void>()
  const holding = database.transaction(async (within) => {
    await within.query(
      `insert into event (source, id, topic, correlation_key, time, text) values ('', 'held', 't', 't', now(), 'x')`,
    )
    held.resolve()
    await freed.promise
  })
  await held.promise
  try {
    sink = await openPostgresSink(other)
    expect(await settled(text('1'), text('held'), text('2'))).toEqual([undefined, 'RedeliverError', undefined])
  } finally {
    sink = sinkOfAll
    freed.resolve()
    await holding
    await other.close()
  }
})

test('bug: two aggregators that had the same events in other orders deadlocked', async () => {
  await trigger('perform pg_sleep(0.02);')
  const batch = Array.from({ length: 20 }, (_, index) => ({
    message: message('t', 'x', { id: String(index) }),
    correlationKey: 'k',
  }))
  const [one, other] = await Promise.all([sink.write(batch), sink.write(batch.toReversed())])
  expect([...one, ...other].toSorted()).toEqual([...batch.map(() => 'duplicate'), ...batch.map(() => 'written')])
}, 30_000)
