import { expect, test, vi } from 'vitest'
import { codes } from './apis.ts'
import type { KafkaCluster } from './cluster.ts'
import { sendLane, type Call } from './send-queue.ts'
import { kafkaSender } from './sender.ts'
import type { KafkaTopics } from './topics.ts'

interface Sent {
  readonly values: string[]
  readonly producerId: string
  readonly firstSequence: number | undefined
  readonly answer: (errorCode: number) => void
  readonly breakOff: () => void
}

interface Ask {
  readonly producerId: string
  readonly topicData: { partitions: { firstSequence: number; messages: { value: Buffer }[] }[] }[]
}

/** A sender to a broker that answers when the test says so, and pauses that end when it says so. */
const sending = (maxRecords = 10) => {
  const sent: Sent[] = []
  let identities = 0
  const pauses: (() => void)[] = []
  const held: string[] = []
  const refused: string[] = []
  const call = (name: string, ask: Ask) => {
    if (name === 'InitProducerId') {
      return Promise.resolve({ errorCode: 0, producerId: String(++identities), producerEpoch: 0 })
    }
    const { promise, resolve, reject } = Promise.withResolvers()
    sent.push({
      producerId: ask.producerId,
      firstSequence: ask.topicData[0]?.partitions[0]?.firstSequence,
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
    refused: (records) => refused.push(...records.map(({ value }) => String(value))),
  })
  const lane = sendLane('t', 0, { maxBytes: 100, maxRecords, fullBytes: 100, dropped: () => undefined })
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
  return { sent, pauses, held, refused, publish }
}

const turn = async () => {
  for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve))
}

/** A sender with a batch of `1` under way, then of `2` and so on, after one that the broker has confirmed. */
const sendingMany = async (count: number) => {
  const made = sending(1)
  const { sent, publish } = made
  publish('0')
  await vi.waitFor(() => expect(sent).toHaveLength(1))
  sent[0]?.answer(codes.none)
  for (let number = 1; number <= count; number++) publish(String(number))
  await turn()
  const since = sent.length
  const asked = () =>
    sent
      .slice(since)
      .map(({ values, producerId, firstSequence }) => `${values.join()} of ${producerId} at ${firstSequence}`)
  /** The answer to the newest request. */
  const answerLast = async (code: number) => {
    sent.at(-1)?.answer(code)
    await turn()
  }
  const underWay = sent.slice(1)
  return { ...made, underWay, asked, answerLast, values: () => sent.map(({ values }) => values.join()) }
}

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

const notEnoughReplicas = 19

test('full batches are under way together, five at most, and each answer confirms its own', async () => {
  const { underWay, held, values } = await sendingMany(7)
  expect(values()).toEqual(['0', '1', '2', '3', '4', '5'])
  underWay[1]?.answer(codes.none)
  await turn()
  expect(held).toEqual(['0', '2'])
  // The first is in doubt, and the broker recognises one of the last five alone.
  expect(values()).toHaveLength(6)
  underWay[0]?.answer(codes.none)
  await turn()
  expect(held).toEqual(['0', '2', '1'])
  expect(values()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7'])
})

test('behind one that failed for now all go again, in order, one by one, with their sequences and identity', async () => {
  const { underWay, pauses, held, asked, answerLast } = await sendingMany(3)
  underWay[0]?.answer(notEnoughReplicas)
  underWay[1]?.answer(codes.outOfOrderSequence)
  await turn()
  pauses[0]?.()
  await turn()
  // The answer for the third may tell that it is held.
  expect(asked()).toEqual([])
  underWay[2]?.answer(codes.outOfOrderSequence)
  await turn()
  expect(asked()).toEqual(['1 of 1 at 1'])
  await answerLast(codes.none)
  expect(asked()).toEqual(['1 of 1 at 1', '2 of 1 at 2'])
  await answerLast(codes.none)
  expect(asked()).toEqual(['1 of 1 at 1', '2 of 1 at 2', '3 of 1 at 3'])
  expect(held).toEqual(['0', '1', '2'])
  expect(pauses).toHaveLength(1)
})

test('a batch that is confirmed before the one in front of it is sent again is not sent again itself', async () => {
  const { underWay, pauses, held, asked, answerLast } = await sendingMany(2)
  underWay[0]?.breakOff()
  underWay[1]?.answer(codes.none)
  await turn()
  expect(held).toEqual(['0', '2'])
  pauses[0]?.()
  await turn()
  await answerLast(codes.duplicateSequence)
  expect(asked()).toEqual(['1 of 1 at 1'])
  expect(held).toEqual(['0', '2', '1'])
})

test('a connection cut between two batches: both go again, the first alone, before what was published since', async () => {
  const { sent, underWay, pauses, held, publish, asked, answerLast } = await sendingMany(2)
  for (const each of underWay) each.breakOff()
  await turn()
  publish('3')
  expect(pauses).toHaveLength(1)
  pauses[0]?.()
  await turn()
  expect(asked()).toEqual(['1 of 1 at 1'])
  await answerLast(codes.none)
  // With the second one nothing is left that goes alone.
  expect(asked()).toEqual(['1 of 1 at 1', '2 of 1 at 2', '3 of 1 at 3'])
  sent.at(-2)?.answer(codes.none)
  await answerLast(codes.none)
  expect(held).toEqual(['0', '1', '2', '3'])
})

test.each([
  ['has forgotten', codes.unknownProducer],
  ['has lost sequences of', codes.outOfOrderSequence],
])('an identity that the broker %s: each batch leaves it when the broker has refused it alone', async (_, code) => {
  const { underWay, pauses, held, asked, answerLast } = await sendingMany(3)
  for (const each of underWay) each.answer(code)
  await turn()
  pauses[0]?.()
  await turn()
  await answerLast(codes.none)
  expect(asked()).toEqual(['1 of 2 at 0', '2 of 1 at 2'])
  await answerLast(code)
  pauses[1]?.()
  await turn()
  await answerLast(codes.none)
  // What is held under the old identity is found there, and is not sent under another.
  await answerLast(codes.duplicateSequence)
  expect(asked()).toEqual(['1 of 2 at 0', '2 of 1 at 2', '2 of 2 at 1', '3 of 1 at 3'])
  expect(held).toEqual(['0', '1', '2', '3'])
})

test('behind a batch that is refused for good the others go again, with another identity where it left a gap', async () => {
  const { underWay, pauses, refused, held, asked, answerLast } = await sendingMany(2)
  underWay[0]?.answer(codes.invalidRecord)
  underWay[1]?.answer(codes.outOfOrderSequence)
  await turn()
  pauses[0]?.()
  await turn()
  expect(refused).toEqual(['1'])
  expect(asked()).toEqual(['2 of 2 at 0'])
  await answerLast(codes.none)
  expect(held).toEqual(['0', '2'])
})
