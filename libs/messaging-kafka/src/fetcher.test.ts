import { expect, test, vi } from 'vitest'
import type { KafkaApis } from './apis.ts'
import { newClaim, type Claim } from './claim.ts'
import type { KafkaCluster } from './cluster.ts'
import type { KafkaConnection } from './connection.ts'
import type { FetchedRecord } from './fetched.ts'
import { kafkaFetcher } from './fetcher.ts'
import type { KafkaTopics } from './topics.ts'

const recordsOfAnswer = 10

/** A broker whose only partition holds so many records and answers ten at a time; `codes` are those of its first answers. */
const brokerOf = (length: number, codes: number[] = []) => {
  const asked: number[] = []
  const lives = new Set<string | undefined>()
  const answer = async ({ topics }: KafkaApis['Fetch']['ask']): Promise<KafkaApis['Fetch']['answer']> => {
    await new Promise((resolve) => setImmediate(resolve))
    const [{ topic, topicId, partitions } = { topic: '', topicId: undefined, partitions: [] }] = topics
    lives.add(topicId)
    const offset = Number(partitions[0]?.fetchOffset)
    asked.push(offset)
    const errorCode = codes.shift() ?? 0
    const count = errorCode === 0 ? Math.max(0, Math.min(recordsOfAnswer, length - offset)) : 0
    const records = Array.from({ length: count }, (_, index): FetchedRecord => ({
      offset: offset + index,
      timestamp: 0,
      key: null,
      value: null,
      headers: { data: Buffer.of(0), at: 0 },
    }))
    const next = count === 0 ? undefined : offset + count
    return { errorCode: 0, partitions: [{ topic, partition: 0, errorCode, records, next }] }
  }
  const connection = { call: (_: string, ask: unknown) => answer(ask as KafkaApis['Fetch']['ask']) }
  return { asked, lives, connection: connection as unknown as KafkaConnection }
}

const reading = (connection: KafkaConnection, take: (record: FetchedRecord, claim: Claim) => boolean) => {
  const claim = newClaim({ topic: 't', partition: 0, offset: 0, topicId: 'of its place' }, 't')
  let closed = false
  const cluster = {
    node: () => Promise.resolve(connection),
    pause: () => new Promise((resolve) => setImmediate(resolve)),
    get closed() {
      return closed
    },
  } as unknown as KafkaCluster
  const topics = {
    known: () => ({ name: 't', id: 'of the next life', leaders: [1] }),
    refresh: () => Promise.resolve(),
  } as unknown as KafkaTopics
  const outOfRange = vi.fn(() => {
    claim.next = 5
    return Promise.resolve()
  })
  const fetcher = kafkaFetcher({
    cluster,
    topics,
    warn: () => undefined,
    maxBytes: 1_000,
    claims: () => [claim],
    room: () => Promise.resolve(),
    take,
    outOfRange,
  })
  fetcher.look()
  return { claim, outOfRange, stop: () => (closed = true) }
}

const upTo = (length: number) => Array.from({ length }, (_, index) => index)

test('what was asked for ahead is not handed out where something before it was not taken', async () => {
  const { connection, asked } = brokerOf(50)
  const taken: number[] = []
  let refusals = 0
  const { stop } = reading(connection, ({ offset }) => {
    if (offset === 14 && refusals++ < 3) return false
    taken.push(offset)
    return true
  })
  await vi.waitFor(() => expect(taken.length).toBeGreaterThanOrEqual(50))
  stop()
  expect(taken).toEqual(upTo(50))
  expect(asked.filter((offset) => offset === 14).length).toBeGreaterThanOrEqual(1)
})

test('a partition that fails is read on where it was, and an offset that is not kept is set anew', async () => {
  const { connection } = brokerOf(30, [6, 0, 1])
  const taken: number[] = []
  const { stop, outOfRange } = reading(connection, ({ offset }) => taken.push(offset) > 0)
  await vi.waitFor(() => expect(taken).toContain(29))
  stop()
  expect(outOfRange).toHaveBeenCalledTimes(1)
  expect(new Set(taken)).toEqual(new Set(upTo(30)))
})

test('nothing is handed out of a partition that is let go of', async () => {
  const { connection } = brokerOf(1_000)
  const taken: number[] = []
  const { claim, stop } = reading(connection, ({ offset }) => {
    taken.push(offset)
    if (offset === 33) claim.state = 'draining'
    return true
  })
  await vi.waitFor(() => expect(taken).toContain(33))
  const { connection: other } = brokerOf(100)
  const later: number[] = []
  const witness = reading(other, ({ offset }) => later.push(offset) > 0)
  await vi.waitFor(() => expect(later).toHaveLength(100))
  stop()
  witness.stop()
  expect(taken).toEqual(upTo(34))
})

test('an offset is asked for in the life of the topic that it belongs to, whatever is known of the topic by now', async () => {
  const { lives, asked, connection } = brokerOf(30)
  const { stop } = reading(connection, () => true)
  await vi.waitFor(() => expect(asked.at(-1)).toBe(30))
  stop()
  expect([...lives]).toEqual(['of its place'])
})
