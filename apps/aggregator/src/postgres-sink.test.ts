import type { Database } from '@armature/database/database'
import { openEmbedded } from '@armature/database/embedded'
import { migrate } from '@armature/database/migrate'
import { message, type Message } from '@armature/messaging/message'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { eventMigrations } from './event-table.ts'
import { openPostgresSink } from './postgres-sink.ts'
import type { Sink } from './sink.ts'
import { storedEvents } from './stored-events.ts'

let database: Database
let sink: Sink
beforeAll(async () => {
  database = await openEmbedded()
  sink = await openPostgresSink(database)
}, 120_000)
afterAll(() => database.close(), 30_000)
beforeEach(async () => void (await database.query('truncate event')))

const write = (...messages: Message[]) =>
  sink.write(messages.map((one) => ({ message: one, correlationKey: `of ${one.topic}` })))
const stored = async () => (await database.query('select * from event order by id')).rows

test('stores each part of the message, a JSON body as JSON and any other as text', async () => {
  const time = new Date('2026-01-02T03:04:05.678Z')
  const outcomes = await write(
    message('logs.a', '{"n":12345678901234567890,"s":"ü\\u2028"}', { id: '1', time }),
    message('logs.b', 'plain, "quoted"\u2028', { id: '2', time }),
  )
  expect(outcomes).toEqual(['written', 'written'])
  const { rows } = await database.query(
    'select id, topic, correlation_key, time, body::text, text from event order by id',
  )
  expect(rows).toEqual([
    {
      id: '1',
      topic: 'logs.a',
      correlation_key: 'of logs.a',
      time,
      body: '{"n": 12345678901234567890, "s": "ü\u2028"}',
      text: null,
    },
    { id: '2', topic: 'logs.b', correlation_key: 'of logs.b', time, body: null, text: 'plain, "quoted"\u2028' },
  ])
})

test('ten writes of the same messages leave one row each', async () => {
  const messages = [message('t', '1', { id: 'a' }), message('t', '2', { id: 'b' })]
  expect(await write(...messages)).toEqual(['written', 'written'])
  for (let repeat = 1; repeat < 10; repeat += 1) expect(await write(...messages)).toEqual(['duplicate', 'duplicate'])
  expect(await write(...messages, message('t', '3', { id: 'c' }))).toEqual(['duplicate', 'duplicate', 'written'])
  expect(await storedEvents(database).count()).toBe(3)
})

test('the same message twice in one batch is one row, and neither is a fault', async () => {
  const twice = message('t', '1', { id: 'a' })
  expect(await write(twice, twice)).toEqual(['written', 'duplicate'])
  expect(await storedEvents(database).count()).toBe(1)
})

describe('identity is source and id', () => {
  const from = (source: string, body: string, id = 'a') => message('t', body, { id, headers: { source } })

  test('bug: of three events of three sources with one id two were acknowledged and not stored', async () => {
    const events = ['/one', '/two', '/three'].map((source) => from(source, `"${source}"`))
    expect(await write(...events)).toEqual(['written', 'written', 'written'])
    expect(await write(...events)).toEqual(['duplicate', 'duplicate', 'duplicate'])
    expect((await stored()).map(({ body }) => body).toSorted()).toEqual(['/one', '/three', '/two'])
  })

  const reused = expect.objectContaining({ rejected: 'identity-reused' })

  test('another body is no duplicate, within a batch and after it', async () => {
    expect(await write(from('/one', '{"n":1}'), from('/one', '{"n":2}'))).toEqual(['written', reused])
    expect(await write(from('/one', 'text'), from('/one', '{"n":1}'), from('/one', 'null'))).toEqual([
      reused,
      'duplicate',
      reused,
    ])
    expect((await stored()).map(({ body }) => body)).toEqual([{ n: 1 }])
  })

  test('the same JSON is the same body, however it is spaced; another topic, time or header is no other event', async () => {
    expect(await write(from('/one', '{"a":1,"b":[]}'))).toEqual(['written'])
    const again = message('elsewhere', ' { "b": [], "a": 1 } ', {
      id: 'a',
      headers: { source: '/one', traceparent: 'x' },
    })
    expect(await write(again)).toEqual(['duplicate'])
  })

  test('source and id are told apart, whatever they hold', async () => {
    const events = [from('/a","b', '1', 'c'), from('/a', '2', 'b","c'), from('', '3', '/a'), from('/a', '4', '')]
    expect(await write(...events)).toEqual(events.map(() => 'written'))
  })
})

test('a tombstone has no body, an empty text has an empty one', async () => {
  const empty = message('t', '', { id: 'empty' })
  expect(await write(empty, { ...empty, id: 'none', tombstone: true })).toEqual(['written', 'written'])
  expect((await stored()).map(({ id, body, text }) => [id, body, text])).toEqual([
    ['empty', null, ''],
    ['none', null, null],
  ])
})

test('a table from before the source: rows stay, what comes again is known, what is new is stored', async () => {
  const { owner, steps } = eventMigrations
  const older = await openEmbedded()
  try {
    await migrate(older, { owner, steps: steps.slice(0, 1) })
    const time = new Date('2026-01-02T03:04:05.678Z')
    await older.query(
      `insert into event (id, topic, correlation_key, time, body) values ('a', 't', 't', $1, '{"n":1}'), ('b', 't', 't', $1, '1')`,
      [time],
    )
    const migrated = await openPostgresSink(older)
    const one = (source: string, body: string, change: object = {}) => ({
      message: { ...message('t', body, { id: 'a', time, headers: { source } }), ...change },
      correlationKey: 't',
    })
    expect(await migrated.write([one('/one', '{"n":1}')])).toEqual(['duplicate'])
    expect(await migrated.write([one('/one', '{"n":2}')])).toEqual(['written'])
    expect(await migrated.write([one('/one', '{"n":2}'), one('/two', '{"n":1}', { time: new Date(0) })])).toEqual([
      'duplicate',
      'written',
    ])
    expect(await storedEvents(older).count()).toBe(4)
  } finally {
    await older.close()
  }
}, 60_000)

test.each([
  ['not UTF-8', new Uint8Array([0xff, 0xfe]), {}, 'not-utf-8'],
  ['JSON by its content type, and none', '{', { 'content-type': 'application/json' }, 'invalid-json'],
  ['likewise with a suffix', 'x', { 'content-type': 'application/cloudevents+json; charset=utf-8' }, 'invalid-json'],
  ['a NUL character', 'a\0b', {}, 'refused-by-database'],
  ['an escaped NUL in JSON', '{"a":"\\u0000"}', { 'content-type': 'application/json' }, 'refused-by-database'],
  ['a lone surrogate in JSON', '{"a":"\\ud800"}', { 'content-type': 'application/json' }, 'refused-by-database'],
])('a body that is %s is refused by itself, the rest is stored', async (_name, body, headers, rejected) => {
  const around = (id: string) => message('t', '"ok"', { id })
  const outcomes = await write(around('1'), around('2'), message('t', body, { id: '3', headers }), around('4'))
  expect(outcomes).toEqual(['written', 'written', expect.objectContaining({ rejected }), 'written'])
  expect((await stored()).map(({ id }) => id)).toEqual(['1', '2', '4'])
})

test.each(['{"a":"\\u0000"}', '{"a":"\\ud800"}', '{"n":1e999999}'])(
  'bug: %s was refused though its content type says text',
  async (body) => {
    const lines = [{}, { 'content-type': 'text/plain; charset=utf-8' }].map((headers, index) =>
      message('t', body, { id: String(index), headers }),
    )
    expect(await write(message('t', '{}', { id: 'json' }), ...lines)).toEqual(['written', 'written', 'written'])
    expect(await write(...lines)).toEqual(['duplicate', 'duplicate'])
    expect((await stored()).map((row) => [row.body, row.text])).toEqual([
      [null, body],
      [null, body],
      [{}, null],
    ])
  },
)

test('bug: the JSON null was stored as a tombstone is, and one passed for the other', async () => {
  const nothing = message('t', '', { id: 'a' })
  expect(await write(message('t', 'null', { id: 'a' }))).toEqual(['written'])
  expect(await write({ ...nothing, tombstone: true }, message('t', ' null ', { id: 'a' }))).toEqual([
    expect.objectContaining({ rejected: 'identity-reused' }),
    'duplicate',
  ])
  const { rows } = await database.query('select body::text as body from event')
  expect(rows).toEqual([{ body: 'null' }])
})

test('bug: a byte order mark was cut off text; before JSON it is not part of the value', async () => {
  expect(await write(message('t', '\ufeffline', { id: '1' }), message('t', '\ufeff{"a":1}', { id: '2' }))).toEqual([
    'written',
    'written',
  ])
  // The embedded database cuts it off what it reads, too.
  const { rows } = await database.query(`select body, ascii(text) as first from event order by id`)
  expect(rows).toEqual([
    { body: null, first: 0xfeff },
    { body: { a: 1 }, first: null },
  ])
})

test('hostile text is data', async () => {
  const body = `'); drop table event; -- {"__proto__":{"a":1}}`
  expect(await write(message(`logs.x`, body, { id: `'";--` }))).toEqual(['written'])
  expect((await stored())[0]).toMatchObject({ id: `'";--`, text: body })
})

test('a database that is out of order is no outcome of an item', async () => {
  await database.query('alter table event rename to elsewhere')
  await expect(write(message('t', '1'))).rejects.toThrow('event')
  await database.query('alter table elsewhere rename to event')
})

test('tells which values no event carries', async () => {
  await write(message('t', '{"requestId":"r1"}'), message('t', '{"other":"r2"}'), message('t', 'text'))
  expect(await storedEvents(database).missing('requestId', ['r1', 'r2', `'`])).toEqual(['r2', `'`])
  expect(await storedEvents(database).missing('requestId', [])).toEqual([])
})
