import { randomBytes } from 'node:crypto'
import { type Database } from '@armature/database/database'
import { openDatabase } from '@armature/database/open'
import { systemClock } from '@armature/async/clock'
import { message, type Message, type MessageOptions } from '@armature/messaging/message'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { startPostgres } from '@armature/servers/postgres'
import type { RunningServer } from '@armature/servers/server'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { openPostgresSink } from '../src/postgres-sink.ts'
import type { Sink } from '../src/sink.ts'
import { groupWriter } from '../src/write-group.ts'

const statementTimeoutMs = 1_000
const json = { headers: { 'content-type': 'application/json' } }
const depth = 100_000

interface Hostile extends MessageOptions {
  readonly what: string
  readonly body?: string
  readonly topic?: string
  readonly correlationKey?: string
}

const hostile: readonly Hostile[] = [
  { what: 'a NUL in text', body: 'a\0b' },
  { what: 'an escaped NUL in JSON', body: '{"a":"\\u0000"}', ...json },
  { what: 'an escaped NUL in a name of JSON', body: '{"\\u0000":1}', ...json },
  { what: 'half a surrogate pair in JSON', body: '["\\ud83d"]', ...json },
  { what: 'a number beyond numeric', body: '{"n":1e999999}', ...json },
  { what: '100,000 nested arrays', body: '['.repeat(depth) + ']'.repeat(depth), ...json },
  { what: '100,000 nested objects', body: `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`, ...json },
  { what: 'an id with a NUL', id: 'a\0' },
  { what: 'an id with half a surrogate pair', id: 'a\ud800' },
  { what: 'an id that no index row holds', id: randomBytes(20_000).toString('hex') },
  { what: 'a source that no index row holds', headers: { source: `/${randomBytes(20_000).toString('hex')}` } },
  { what: 'a topic with a NUL', topic: 't\0' },
  { what: 'a correlation key with a NUL', correlationKey: 'k\0' },
  { what: 'an invalid time', time: new Date(NaN) },
  { what: 'a time that the database does not know', time: new Date(8.64e15) },
  { what: 'a time before the first', time: new Date(-8.64e15) },
]

describe.each(['embedded', 'postgres'])('%s: a row that cannot be made', { timeout: 60_000 }, (kind) => {
  let database: Database
  let server: RunningServer | undefined
  let sink: Sink
  beforeAll(async () => {
    if (kind === 'postgres') server = await startPostgres()
    database = await openDatabase(server?.url ?? 'embedded:', { statementTimeoutMs })
    sink = await openPostgresSink(database)
  }, serverDeadlineMs)
  afterAll(async () => {
    await database.close()
    await server?.stop()
  }, 60_000)
  beforeEach(() => database.query('truncate event'))

  const settled = async (messages: readonly Message[], correlationKeys: readonly string[] = []) => {
    const sinkOfKeys: Sink = {
      ...sink,
      write: (batch, signal) =>
        sink.write(
          batch.map((item) => {
            const place = messages.findIndex(({ id }) => id === item.message.id)
            return { ...item, correlationKey: correlationKeys[place] ?? item.correlationKey }
          }),
          signal,
        ),
    }
    const write = groupWriter({
      sink: sinkOfKeys,
      telemetry: testTelemetry(),
      clock: systemClock(),
      maxAttempts: 5,
      retryDelayMs: 1,
      writeTimeoutMs: 20_000,
      closing: new AbortController().signal,
      onAttempt: () => undefined,
    })
    const { attempt, signal } = { attempt: 1, signal: new AbortController().signal }
    const deliveries = messages.map((one) => ({ ...one, attempt, signal }))
    const errors = await write({ correlationKey: 'k', messages: deliveries })
    return errors.map((error) => error?.name)
  }
  const good = (id: string) => message('t', '{"ok":true}', { id, time: new Date(0) })
  const ids = async () =>
    (await database.query<{ id: string }>('select id from event order by id')).rows.map(({ id }) => id)

  test.each(hostile)('bug: $what blocked its group for ever', async (one) => {
    const { body = '"b"', topic = 't', correlationKey = 'k', what: _what, ...options } = one
    const culprit = message(topic, body, options)
    const batch = [good('1'), good('2'), culprit, good('3'), good('4')]
    const names = await settled(batch, ['k', 'k', correlationKey])
    expect(names).toEqual([undefined, undefined, 'UnrecoverableError', undefined, undefined])
    expect(await ids()).toEqual(['1', '2', '3', '4'])
    expect(await settled([culprit], [correlationKey])).toEqual(['UnrecoverableError'])
  })

  describe('by what users put on the table', () => {
    afterEach(async () => {
      await database.query('drop trigger if exists picky on event')
      await database.query('drop function if exists picky')
      await database.query('alter table event drop constraint if exists picky')
      await database.query('drop index if exists picky')
    })
    const trigger = async (action: string) => {
      await database.query(
        `create function picky() returns trigger language plpgsql as $$ begin
           if new.text = 'bad' then ${action}; end if; return new; end $$`,
      )
      await database.query('create trigger picky before insert on event for each row execute function picky()')
    }
    const bad = message('t', 'bad', { id: 'bad' })
    const expectCondemned = async () => {
      const names = await settled([good('1'), bad, good('2'), good('3')])
      expect(names).toEqual([undefined, 'UnrecoverableError', undefined, undefined])
      expect(await ids()).toEqual(['1', '2', '3'])
    }

    test('a constraint', async () => {
      await database.query(`alter table event add constraint picky check (text is distinct from 'bad')`)
      const outcomes = await sink.write([{ message: bad, correlationKey: 'k' }])
      expect(outcomes).toEqual([expect.objectContaining({ rejected: 'refused-by-database' })])
      await expectCondemned()
    })

    test('an index of its own', async () => {
      await database.query('create unique index picky on event (topic) where text is not null')
      await settled([message('t', 'first', { id: '0' })])
      await database.query(`delete from event where id = '0'`)
      expect(await settled([message('t', 'x', { id: 'x' }), message('t', 'y', { id: 'y' })])).toEqual([
        undefined,
        'UnrecoverableError',
      ])
    })

    test('a trigger that raises', async () => {
      await trigger(`raise exception 'not this one'`)
      await expectCondemned()
    })

    test.runIf(kind === 'postgres')('a trigger that takes too long', async () => {
      await trigger('perform pg_sleep(60)')
      await expectCondemned()
    })

    test.runIf(kind === 'postgres')('a row on which the connection breaks', async () => {
      await trigger('perform pg_terminate_backend(pg_backend_pid())')
      await expectCondemned()
    })
  })

  test('while the table is gone no row is at fault', async () => {
    await database.query('alter table event rename to elsewhere')
    try {
      expect(await settled([good('1')])).toEqual(['RedeliverError'])
      expect(await settled([good('1'), message('t', 'a\0b')])).toEqual(['RedeliverError', 'RedeliverError'])
      await expect(sink.check()).rejects.toThrow('event')
    } finally {
      await database.query('alter table elsewhere rename to event')
    }
    await sink.check()
    expect(await ids()).toEqual([])
  })

  test.runIf(kind === 'postgres')('a write that is given up while it waits for a lock is not made later', async () => {
    const freed = Promise.withResolvers<void>()
    const isHeld = Promise.withResolvers<void>()
    const holding = database.transaction(async (within) => {
      await within.query('lock table event in access exclusive mode')
      isHeld.resolve()
      await freed.promise
    })
    await isHeld.promise
    const waiting = async () =>
      (
        await database.query(
          `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like 'insert into event%'`,
        )
      ).count
    const closing = new AbortController()
    const write = sink.write([{ message: good('1'), correlationKey: 'k' }], closing.signal)
    const ended = expect(write).rejects.toMatchObject({ code: '57014' })
    await vi.waitFor(async () => expect(await waiting()).toBe(1), { timeout: 10_000 })
    closing.abort()
    await vi.waitFor(async () => expect(await waiting()).toBe(0), { timeout: 10_000 })
    await ended
    freed.resolve()
    await holding
    expect(await ids()).toEqual([])
  })

  test('a write that was given up before it began is no outcome', async () => {
    const signal = AbortSignal.abort()
    await expect(sink.write([{ message: good('1'), correlationKey: 'k' }], signal)).rejects.toMatchObject({
      code: '57014',
    })
    expect(await ids()).toEqual([])
  })
})
