import { expect, test } from 'vitest'
import { codes } from './apis.ts'
import { sendOutcome } from './send-outcome.ts'
import { sendLane, type Batch, type Call } from './send-queue.ts'

const notLeader = 6
const topicAuthorizationFailed = 29

const batchOf = (count: number): Batch => {
  const lane = sendLane('orders', 0, { maxBytes: 1_000, maxRecords: 10, fullBytes: 1_000, dropped: () => undefined })
  const call: Call = {
    topic: 'orders',
    left: count,
    untilMs: Number.POSITIVE_INFINITY,
    done: false,
    resolve: () => undefined,
    reject: () => undefined,
  }
  for (let made = 0; made < count; made++) {
    lane.push({ key: null, value: null, headers: Buffer.of(0), timestamp: 0, bytes: 1, call })
  }
  const batch = lane.take(undefined)
  if (batch === undefined) throw new Error('the lane has no batch')
  return batch
}

test.each([
  ['is held', codes.none, 2, 'held'],
  ['was held before its answer was lost', codes.duplicateSequence, 2, 'held'],
  ['follows a gap', codes.outOfOrderSequence, 2, 'out-of-sequence'],
  ['has an identity that the broker fenced', codes.invalidProducerEpoch, 2, 'out-of-sequence'],
  ['has an identity that the broker forgot', codes.unknownProducer, 2, 'out-of-sequence'],
  ['came to a broker that leads no more', notLeader, 2, 'passing'],
  ['is too large together', codes.messageTooLarge, 2, 'divisible'],
  ['is larger than a segment', codes.recordListTooLarge, 2, 'divisible'],
  ['has an invalid record', codes.invalidRecord, 2, 'divisible'],
  ['is one record that is too large', codes.messageTooLarge, 1, 'refused'],
  ['is one record larger than a segment', codes.recordListTooLarge, 1, 'refused'],
  ['is one invalid record', codes.invalidRecord, 1, 'refused'],
  ['may not be published by this user', topicAuthorizationFailed, 2, 'refused'],
])('a batch that %s', (_, code, records, name) => {
  expect(sendOutcome(batchOf(records), code).name).toBe(name)
})

test.each([
  [
    'its size, with what to raise',
    codes.messageTooLarge,
    'too-large',
    /: publishing to orders: .*: raise max\.message\.bytes of the topic$/,
  ],
  [
    'another fault',
    topicAuthorizationFailed,
    'unavailable',
    /: publishing to orders: .* \(TOPIC_AUTHORIZATION_FAILED\)$/,
  ],
])('a batch that is refused for %s', (_, code, fault, message) => {
  const outcome = sendOutcome(batchOf(1), code)
  const error = outcome.name === 'refused' ? outcome.error : undefined
  expect(error).toMatchObject({ topic: 'orders', fault })
  expect(error?.message).toMatch(message)
})
