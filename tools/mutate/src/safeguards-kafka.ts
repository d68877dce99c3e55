import type { Safeguard } from './safeguard.ts'

/** The promises of Kafka's driver about publishing, groups and replaced topics. */
export const safeguards: readonly Safeguard[] = [
  {
    promise: 'Kafka: one batch of a partition is under way at a time, whoever publishes meanwhile',
    file: 'libs/messaging-kafka/src/send-queue.ts',
    find: 'if (underWay !== undefined) return undefined',
    replace: 'if (underWay !== undefined) return underWay',
    tests: ['libs/messaging-kafka/src/sender.test.ts'],
  },
  {
    promise: 'Kafka: an answer counts for the batch that it was sent for, and for no other',
    file: 'libs/messaging-kafka/src/send-queue.ts',
    find: 'if (batch !== underWay) throw',
    replace: 'if (underWay === null) throw',
    tests: ['libs/messaging-kafka/src/send-queue.test.ts'],
  },
  {
    promise: 'Kafka: a publish is confirmed only after the broker has answered for its batch',
    file: 'libs/messaging-kafka/src/sender.ts',
    find: 'again.push(...batches)',
    replace: 'for (const batch of batches) (finish(sender, batch), sender.held(batch.records))',
    tests: ['libs/messaging-kafka/src/sender.test.ts'],
  },
  {
    promise: 'Kafka: a member that lost its generation keeps none of its partitions',
    file: 'libs/messaging-kafka/src/member.ts',
    find: `  session.end()
  lost()`,
    replace: '  session.end()',
    tests: ['libs/messaging-kafka/src/member.test.ts'],
  },
  {
    promise: 'Kafka: a member whose coordinator has not answered for a session has lost its partitions',
    file: 'libs/messaging-kafka/src/member.ts',
    find: `const outOfSession = (member: Member): void => {
  member.lost()`,
    replace: 'const outOfSession = (member: Member): void => {',
    tests: ['libs/messaging-kafka/src/member.test.ts'],
  },
  {
    promise: 'Kafka: a session lasts from when its heartbeat was sent, not from when the answer came',
    file: 'libs/messaging-kafka/src/session.ts',
    find: 'const keptUntilMs = sentMs + sessionTimeoutMs',
    replace: 'const keptUntilMs = performance.now() + sessionTimeoutMs',
    tests: ['libs/messaging-kafka/src/session.test.ts'],
  },
  {
    promise: 'Kafka: an offset is fetched only in the life of the topic that it belongs to',
    file: 'libs/messaging-kafka/src/fetch-request.ts',
    find: 'topicId: lives.get(each.topic)',
    replace: 'topicId: lives.has(each.topic) ? undefined : each.topic',
    tests: ['libs/messaging-kafka/src/fetcher.test.ts'],
  },
  {
    promise: 'Kafka: a topic that was made again is read from its first message on',
    file: 'libs/messaging-kafka/src/topics.ts',
    find: "if (life === 'another')",
    replace: "if (life === 'unknown')",
    tests: ['libs/messaging-kafka/test/replaced.test.ts'],
  },
  {
    promise: 'Kafka: an offset that a group committed in an earlier life of a topic counts for nothing',
    file: 'libs/messaging-kafka/src/offsets.ts',
    find: 'place.topicId === undefined || topicId === undefined || place.topicId === topicId',
    replace: 'place.topicId === undefined || topicId === undefined || place.topicId !== ``',
    tests: ['libs/messaging-kafka/test/replaced.test.ts'],
  },
  {
    promise: 'Kafka: a publisher goes on when its topic is made again with fewer partitions',
    file: 'libs/messaging-kafka/src/sender.ts',
    find: 'if (isThere(topics, lane)) ready(sender, lane)',
    replace: 'if (isThere(topics, lane) || lane.partition > 0) ready(sender, lane)',
    tests: ['libs/messaging-kafka/test/replaced.test.ts'],
  },
  {
    promise: 'Kafka: a batch that is damaged on its way is refused by its checksum',
    file: 'libs/messaging-kafka/src/record-batch.ts',
    find: 'crc32c(batch, at.attributes)',
    replace: 'crc32c(batch, at.records)',
    tests: ['libs/messaging-kafka/src/record-batch.test.ts'],
  },
  {
    promise: 'Kafka: a batch has its sequence, by which the broker knows one that is sent again',
    file: 'libs/messaging-kafka/src/record-batch.ts',
    find: 'batch.writeInt32BE(origin.firstSequence, at.firstSequence)',
    replace: 'batch.writeInt32BE(0, at.firstSequence)',
    tests: ['libs/messaging-kafka/src/record-batch.test.ts'],
  },
  {
    promise: 'Kafka: a batch that does not have the checksum of its bytes is not delivered',
    file: 'libs/messaging-kafka/src/fetched.ts',
    find: 'if (crc32c(data, from.at) !== checksum)',
    replace: 'if (crc32c(data, from.at) === -1)',
    tests: ['libs/messaging-kafka/src/fetched.test.ts'],
  },
]
