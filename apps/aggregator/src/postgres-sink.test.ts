import type { Database } from '@armature/database/database'
import { openEmbedded } from '@armature/database/embedded'
import { message, type Message } from '@armature/messaging/message'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openPostgresSink } from './postgres-sink.ts'
import type { Sink } from './sink.ts'
import { storedEvents } from './stored.ts'

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
  expect(await write(twice, twice)).toEqual(['written', 'written'])
  expect(await storedEvents(database).count()).toBe(1)
})

test.each([
  ['not UTF-8', new Uint8Array([0xff, 0xfe]), {}, 'not-utf-8'],
  ['JSON by its content type, and none', '{', { 'content-type': 'application/json' }, 'invalid-json'],
  ['likewise with a suffix', 'x', { 'content-type': 'application/cloudevents+json; charset=utf-8' }, 'invalid-json'],
  ['a NUL character', 'a\0b', {}, 'refused-by-database'],
  ['an escaped NUL in JSON', '{"a":"\\u0000"}', {}, 'refused-by-database'],
  ['a lone surrogate in JSON', '{"a":"\\ud800"}', {}, 'refused-by-database'],
])('a body that is %s is refused by itself, the rest is stored', async (_name, body, headers, rejected) => {
  const around = (id: string) => message('t', '"ok"', { id })
  const outcomes = await write(around('1'), around('2'), message('t', body, { id: '3', headers }), around('4'))
  expect(outcomes).toEqual(['written', 'written', expect.objectContaining({ rejected }), 'written'])
  expect((await stored()).map(({ id }) => id)).toEqual(['1', '2', '4'])
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
