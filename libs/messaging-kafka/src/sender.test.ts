import { expect, test, vi } from 'vitest'
import { codes } from './apis.ts'
import type { KafkaCluster } from './cluster.ts'
import { sendLane, type Call } from './send-queue.ts'
import { kafkaSender } from './sender.ts'
import type { KafkaTopics } from './topics.ts'

interface Sent {
  readonly values: string[]
  readonly answer: (errorCode: number) => void
  readonly breakOff: () => void
}

/** A sender to a broker that answers when the test says so, and pauses that end when it says so. */
const sending = () => {
  const sent: Sent[] = []
  const pauses: (() => void)[] = []
  const held: string[] = []
  const call = (name: string, ask: { topicData: { partitions: { messages: { value: Buffer }[] }[] }[] }) => {
    if (name === 'InitProducerId') return Promise.resolve({ errorCode: 0, producerId: '1', producerEpoch: 0 })
    const { promise, resolve, reject } = Promise.withResolvers()
    sent.push({
      values: ask.topicData.flatMap(({ partitions }) =>
        partitions.flatMap(({ messages }) => messages.map(({ value }) => value.toString())),
      ),
      answer: (errorCode) => resolve({ topics: [{ topicName: 't', partitions: [{ partition: 0, errorCode }] }] }),
      breakOff: () => reject(new Error('the connection broke off')),
    })
    return promise
  }
  const connection = () => Promise.resolve({ call })
  const sender = kafkaSender({
    cluster: {
      settings: { compression: 'none' },
      any: connection,
      node: connection,
      pause: () => new Promise<void>((resolve) => pauses.push(resolve)),
      closed: false,
    } as unknown as KafkaCluster,
    topics: {
      known: (name: string) => ({ name, leaders: [1] }),
      refresh: () => Promise.resolve(),
    } as unknown as KafkaTopics,
    warn: () => undefined,
    held: (records) => held.push(...records.map(({ value }) => String(value))),
    homeless: () => undefined,
    refused: () => undefined,
  })
  const lane = sendLane('t', 0, { maxBytes: 100, maxRecords: 10, dropped: () => undefined })
  const publish = (value: string) => {
    const owner: Call = {
      topic: 't',
      left: 1,
      untilMs: Number.POSITIVE_INFINITY,
      done: false,
      resolve: () => undefined,
      reject: () => undefined,
    }
    lane.push({
      key: null,
      value: Buffer.from(value),
      headers: Buffer.of(0),
      timestamp: 0,
      bytes: 1,
      call: owner,
    })
    sender.ready(lane)
  }
  return { sent, pauses, held, publish }
}

const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

test('bug: what is published while a batch is under way made its batch go twice, and its answer count for the next one', async () => {
  const { sent, held, publish } = sending()
  publish('one')
  await vi.waitFor(() => expect(sent).toHaveLength(1))
  publish('two')
  await turn()
  expect(sent.map(({ values }) => values)).toEqual([['one']])
  sent[0]?.answer(codes.none)
  await vi.waitFor(() => expect(sent).toHaveLength(2))
  expect(sent[1]?.values).toEqual(['two'])
  expect(held).toEqual(['one'])
  sent[1]?.answer(codes.none)
  await vi.waitFor(() => expect(held).toEqual(['one', 'two']))
  await turn()
  expect(sent).toHaveLength(2)
})

test('a batch without an answer goes again after its pause, alone, and what was published since follows it', async () => {
  const { sent, pauses, held, publish } = sending()
  publish('one')
  await vi.waitFor(() => expect(sent).toHaveLength(1))
  sent[0]?.breakOff()
  await vi.waitFor(() => expect(pauses).toHaveLength(1))
  publish('two')
  await turn()
  expect(sent).toHaveLength(1)
  pauses[0]?.()
  await vi.waitFor(() => expect(sent).toHaveLength(2))
  expect(sent[1]?.values).toEqual(['one'])
  sent[1]?.answer(codes.duplicateSequence)
  await vi.waitFor(() => expect(sent).toHaveLength(3))
  expect(sent[2]?.values).toEqual(['two'])
  expect(held).toEqual(['one'])
})
