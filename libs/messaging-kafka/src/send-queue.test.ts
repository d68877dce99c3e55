import { expect, test } from 'vitest'
import { sendLane, takeSequence, type Batch, type Call, type Lane, type ProducerSession } from './send-queue.ts'

const call = (): Call => ({
  topic: 't',
  left: 0,
  untilMs: 0,
  done: false,
  resolve: () => undefined,
  reject: () => undefined,
})
const record = (bytes: number, of = call()) => ({
  key: null,
  value: null,
  headers: Buffer.of(0),
  timestamp: 0,
  bytes,
  call: of,
})
const lane = (maxBytes: number, maxRecords: number, dropped: number[] = []): Lane =>
  sendLane('t', 0, { maxBytes, maxRecords, dropped: ({ bytes }) => dropped.push(bytes) })

/** Takes the next batch, which has to be there. */
const taken = (queue: Lane): Batch => {
  const batch = queue.take()
  if (batch === undefined) throw new Error('there is no batch')
  return batch
}
const sizes = ({ records }: Batch): number[] => records.map(({ bytes }) => bytes)

test('one batch is under way at a time, and the next one follows when it is over', () => {
  const queue = lane(100, 10)
  queue.push(record(1))
  const first = taken(queue)
  queue.push(record(2))
  expect(queue.take()).toBeUndefined()
  expect(sizes(first)).toEqual([1])
  expect(queue.finish(first)).toBe(true)
  const second = taken(queue)
  expect(sizes(second)).toEqual([2])
  expect(queue.finish(second)).toBe(false)
  expect(queue.take()).toBeUndefined()
})

test('a batch that is given back comes again as it was, before what was published since', () => {
  const queue = lane(100, 10)
  queue.push(record(1))
  const first = taken(queue)
  queue.push(record(2))
  queue.giveBack(first)
  expect(queue.take()).toBe(first)
  expect(queue.finish(first)).toBe(true)
  expect(sizes(taken(queue))).toEqual([2])
})

test('an answer counts for the batch under way alone', () => {
  const queue = lane(100, 1)
  queue.push(record(1))
  queue.push(record(2))
  const first = taken(queue)
  queue.finish(first)
  const second = taken(queue)
  expect(() => queue.finish(first)).toThrow('not under way')
  expect(() => queue.giveBack(first)).toThrow('not under way')
  queue.giveBack(second)
  expect(() => queue.finish(second)).toThrow('not under way')
  expect(queue.take()).toBe(second)
})

test('a batch holds no more than it may, but one larger record goes alone', () => {
  const queue = lane(100, 3)
  for (const bytes of [60, 40, 1, 200, 1, 1, 1, 1]) queue.push(record(bytes))
  const batches: number[][] = []
  for (let more = true; more;) {
    const batch = taken(queue)
    batches.push(sizes(batch))
    more = queue.finish(batch)
  }
  expect(batches).toEqual([[60, 40], [1], [200], [1, 1, 1], [1]])
})

test('a batch that is split goes as two, before what was published since', () => {
  const queue = lane(100, 10)
  for (const bytes of [1, 2, 3]) queue.push(record(bytes))
  const whole = taken(queue)
  queue.push(record(4))
  queue.split(whole)
  expect(() => queue.split(whole)).toThrow('not under way')
  const first = taken(queue)
  expect([sizes(first), first.bytes]).toEqual([[1, 2], 3])
  queue.giveBack(first)
  expect(taken(queue)).toBe(first)
  expect(queue.finish(first)).toBe(true)
  const second = taken(queue)
  expect(sizes(second)).toEqual([3])
  expect(() => queue.split(second)).toThrow('has one record')
  queue.giveBack(second)
  expect(queue.empty().map(({ bytes }) => bytes)).toEqual([3, 4])
})

test('what was given up while it waited is not sent', () => {
  const dropped: number[] = []
  const queue = lane(100, 10, dropped)
  const givenUp = call()
  queue.push(record(1, givenUp))
  queue.push(record(2))
  queue.push(record(3, givenUp))
  givenUp.done = true
  expect(sizes(taken(queue))).toEqual([2])
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
