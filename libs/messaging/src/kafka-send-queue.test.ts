import { expect, test } from 'vitest'
import { sendLane, takeSequence, type Call, type Lane, type ProducerSession } from './kafka-send-queue.ts'

const call = (): Call => ({
  topic: 't',
  left: 0,
  untilMs: 0,
  done: false,
  resolve: () => undefined,
  reject: () => undefined,
})
const record = (bytes: number, of = call()) => ({ key: null, value: null, headers: {}, timestamp: 0, bytes, call: of })
const lane = (maxBytes: number, maxRecords: number, dropped: number[] = []): Lane =>
  sendLane('t', 0, { maxBytes, maxRecords, dropped: ({ bytes }) => dropped.push(bytes) })

test('a batch is the same until it is finished, and the next one follows', () => {
  const queue = lane(100, 10)
  queue.push(record(1))
  const first = queue.batch()
  queue.push(record(2))
  expect(queue.batch()).toBe(first)
  expect(first?.records.map(({ bytes }) => bytes)).toEqual([1])
  expect(queue.finish()).toBe(true)
  expect(queue.batch()?.records.map(({ bytes }) => bytes)).toEqual([2])
  expect(queue.finish()).toBe(false)
  expect(queue.batch()).toBeUndefined()
})

test('a batch holds no more than it may, but one larger record goes alone', () => {
  const queue = lane(100, 3)
  for (const bytes of [60, 40, 1, 200, 1, 1, 1, 1]) queue.push(record(bytes))
  const batches: number[][] = []
  for (let more = true; more; more = queue.finish())
    batches.push(queue.batch()?.records.map(({ bytes }) => bytes) ?? [])
  expect(batches).toEqual([[60, 40], [1], [200], [1, 1, 1], [1]])
})

test('what was given up while it waited is not sent', () => {
  const dropped: number[] = []
  const queue = lane(100, 10, dropped)
  const givenUp = call()
  queue.push(record(1, givenUp))
  queue.push(record(2))
  queue.push(record(3, givenUp))
  givenUp.done = true
  expect(queue.batch()?.records.map(({ bytes }) => bytes)).toEqual([2])
  expect(dropped).toEqual([1, 3])
})

test('a sequence follows the records of the one before, for each partition, and begins again after the last', () => {
  const session: ProducerSession = { producerId: '1', producerEpoch: 0, nextSequence: new Map() }
  const [one, two] = [lane(1, 1), lane(1, 1)]
  expect([takeSequence(session, one, 3), takeSequence(session, one, 2), takeSequence(session, two, 1)]).toEqual([
    0, 3, 0,
  ])
  // As Kafka counts: 2^31 - 1 is followed by 0.
  session.nextSequence.set(one, 2 ** 31 - 2)
  expect([takeSequence(session, one, 4), takeSequence(session, one, 1)]).toEqual([2 ** 31 - 2, 2])
})
