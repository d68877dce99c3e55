import { elementAt } from '@armature/async/element-at'
import { expect, onTestFinished, test, vi } from 'vitest'
import { sendLane, type Batch, type Call, type Lane, type ProducerSession } from './send-queue.ts'

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
const lane = (maxBytes: number, maxRecords: number, dropped: number[] = [], fullBytes = maxBytes): Lane =>
  sendLane('t', 0, { maxBytes, maxRecords, fullBytes, dropped: ({ bytes }) => dropped.push(bytes) })

/** Takes the next batch, which has to be there. */
const taken = (queue: Lane, session?: ProducerSession): Batch => {
  const batch = queue.take(session)
  if (batch === undefined) throw new Error('there is no batch')
  return batch
}
const sizes = ({ records }: Batch): number[] => records.map(({ bytes }) => bytes)

test('a small batch follows when the one under way is over', () => {
  const queue = lane(100, 10)
  queue.push(record(1))
  const first = taken(queue)
  queue.push(record(2))
  expect(queue.take(undefined)).toBeUndefined()
  expect(sizes(first)).toEqual([1])
  expect(queue.held(first)).toBe(true)
  const second = taken(queue)
  expect(sizes(second)).toEqual([2])
  expect(queue.held(second)).toBe(false)
  expect(queue.take(undefined)).toBeUndefined()
})

test('a batch that is given back comes again as it was, before what was published since', () => {
  const queue = lane(100, 10)
  queue.push(record(1))
  const first = taken(queue)
  queue.push(record(2))
  queue.giveBack(first)
  expect(queue.take(undefined)).toBe(first)
  expect(queue.held(first)).toBe(true)
  expect(sizes(taken(queue))).toEqual([2])
})

test('an answer counts for the batch under way alone', () => {
  const queue = lane(100, 1)
  queue.push(record(1))
  queue.push(record(2))
  const first = taken(queue)
  queue.held(first)
  const second = taken(queue)
  expect(() => queue.held(first)).toThrow('not under way')
  expect(() => queue.giveBack(first)).toThrow('not under way')
  queue.giveBack(second)
  expect(() => queue.held(second)).toThrow('not under way')
  expect(queue.take(undefined)).toBe(second)
})

test('a batch holds no more than it may, but one larger record goes alone', () => {
  const queue = lane(100, 3)
  for (const bytes of [60, 40, 1, 200, 1, 1, 1, 1]) queue.push(record(bytes))
  const batches: number[][] = []
  for (let more = true; more;) {
    const batch = taken(queue)
    batches.push(sizes(batch))
    more = queue.held(batch)
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
  expect(queue.held(first)).toBe(true)
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

const newSession = (producerId: string): ProducerSession => ({ producerId, producerEpoch: 0, nextSequence: new Map() })

/** A lane with batches of two records, of whose session the broker has confirmed one. */
const confirmedLane = (session: ProducerSession, records: number) => {
  const queue = lane(2, 10)
  queue.push(record(1))
  queue.held(taken(queue, session))
  for (let pushed = 0; pushed < records; pushed++) queue.push(record(1))
  return queue
}

test('full batches go beside others, five at most, each with its sequence', () => {
  const session = newSession('1')
  const queue = confirmedLane(session, 20)
  const open = Array.from({ length: 5 }, () => taken(queue, session))
  expect(open.map(({ firstSequence }) => firstSequence)).toEqual([1, 3, 5, 7, 9])
  expect(queue.take(session)).toBeUndefined()
  // Of the last five the broker knows a repeat, and the first is still in doubt.
  for (const batch of open.slice(1)) queue.held(batch)
  expect(queue.take(session)).toBeUndefined()
  queue.held(elementAt(open, 0))
  expect(taken(queue, session).firstSequence).toBe(11)
})

test('a batch that is not full, or has a session that the broker may not know, goes beside no other', () => {
  const [known, unknown] = [newSession('1'), newSession('2')]
  const small = confirmedLane(known, 3)
  taken(small, known)
  expect(small.take(known)).toBeUndefined()
  const queue = confirmedLane(known, 8)
  taken(queue, known)
  expect(queue.take(unknown)).toBeUndefined()
  expect(queue.take(undefined)).toBeUndefined()
  const fresh = lane(2, 10)
  for (let pushed = 0; pushed < 8; pushed++) fresh.push(record(1))
  const first = taken(fresh, unknown)
  expect(fresh.take(unknown)).toBeUndefined()
  fresh.held(first)
  taken(fresh, unknown)
  taken(fresh, unknown)
})

test('a session that was not used for a while may be forgotten: the next batch goes alone', () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const session = newSession('1')
  const queue = confirmedLane(session, 8)
  taken(queue, session)
  vi.advanceTimersByTime(10_000)
  expect(queue.take(session)).toBeUndefined()
})

test('batches that were given back go again in their order, one at a time, when none is under way any more', () => {
  const session = newSession('1')
  const queue = confirmedLane(session, 20)
  const [first, second, third] = [taken(queue, session), taken(queue, session), taken(queue, session)]
  queue.giveBack(second)
  expect(queue.take(session)).toBeUndefined()
  expect([queue.isOldest(first), queue.isOldest(second)]).toEqual([true, false])
  queue.giveBack(first)
  expect(queue.take(session)).toBeUndefined()
  expect(queue.held(third)).toBe(true)
  expect(queue.isIdle).toBe(true)
  expect(queue.take(session)).toBe(first)
  expect(queue.take(session)).toBeUndefined()
  queue.held(first)
  expect(queue.take(session)).toBe(second)
  expect([first.firstSequence, second.firstSequence]).toEqual([1, 3])
  queue.held(second)
  expect(sizes(taken(queue, session))).toEqual([1, 1])
})

test('a batch behind another is split in its place', () => {
  const session = newSession('1')
  const queue = confirmedLane(session, 6)
  const [first, second, third] = [taken(queue, session), taken(queue, session), taken(queue, session)]
  queue.split(second)
  queue.giveBack(third)
  queue.held(first)
  const other = newSession('2')
  const halves = [taken(queue, other)]
  queue.held(elementAt(halves, 0))
  halves.push(taken(queue, other))
  expect(halves.map((half) => [half.records[0], half.session, half.firstSequence])).toEqual([
    [second.records[0], other, 0],
    [second.records[1], other, 1],
  ])
  queue.held(elementAt(halves, 1))
  expect(queue.take(other)).toBe(third)
  // It may be held under the session that it has.
  expect(third.session).toBe(session)
})

test('a lane is not emptied while a batch is under way', () => {
  const queue = lane(100, 10)
  queue.push(record(1))
  const batch = taken(queue)
  queue.push(record(2))
  expect(() => queue.empty()).toThrow('is under way')
  queue.giveBack(batch)
  expect(queue.empty().map(({ bytes }) => bytes)).toEqual([1, 2])
  expect(queue.isIdle).toBe(true)
})

test('a sequence follows the records of the one before, for each partition, and begins again after the last', () => {
  const session = newSession('1')
  const [one, two] = [lane(3, 3), lane(1, 1)]
  const sequenceOf = (queue: Lane, records: number) => {
    for (let pushed = 0; pushed < records; pushed++) queue.push(record(1))
    const batch = taken(queue, session)
    queue.held(batch)
    return batch.firstSequence
  }
  expect([sequenceOf(one, 3), sequenceOf(one, 2), sequenceOf(two, 1)]).toEqual([0, 3, 0])
  // As Kafka counts: 2^31 - 1 is followed by 0.
  session.nextSequence.set(one, 2 ** 31 - 2)
  expect([sequenceOf(one, 3), sequenceOf(one, 1)]).toEqual([2 ** 31 - 2, 1])
})
