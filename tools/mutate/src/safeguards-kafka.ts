import type { Safeguard } from './safeguard.ts'

/** What Kafka's driver promises of publishing, groups and replaced topics. */
export const safeguards: readonly Safeguard[] = [
  {
    promise: 'Kafka: one batch of a partition is under way at a time, whoever publishes meanwhile',
    file: 'libs/messaging/src/kafka-send-queue.ts',
    find: 'if (underWay !== undefined) return undefined',
    replace: 'if (underWay !== undefined) return underWay',
    tests: ['libs/messaging/src/kafka-sender.test.ts'],
  },
  {
    promise: 'Kafka: an answer counts for the batch that it was sent for, and for no other',
    file: 'libs/messaging/src/kafka-send-queue.ts',
    find: 'if (batch !== underWay) throw',
    replace: 'if (underWay === null) throw',
    tests: ['libs/messaging/src/kafka-send-queue.test.ts'],
  },
  {
    promise: 'Kafka: a publish is confirmed only after the broker has answered for its batch',
    file: 'libs/messaging/src/kafka-sender.ts',
    find: 'again.push(...batches)',
    replace: 'for (const batch of batches) (over(batch), held(batch.records))',
    tests: ['libs/messaging/src/kafka-sender.test.ts'],
  },
  {
    promise: 'Kafka: a member that lost its generation keeps none of its partitions',
    file: 'libs/messaging/src/kafka-member.ts',
    find: `    session.end()
    parts.lost()`,
    replace: '    session.end()',
    tests: ['libs/messaging/src/kafka-member.test.ts'],
  },
  {
    promise: 'Kafka: a member whose coordinator has not answered for a session has lost its partitions',
    file: 'libs/messaging/src/kafka-member.ts',
    find: `  const outOfSession = () => {
    parts.lost()`,
    replace: '  const outOfSession = () => {',
    tests: ['libs/messaging/src/kafka-member.test.ts'],
  },
  {
    promise: 'Kafka: a session lasts from when its heartbeat was sent, not from when the answer came',
    file: 'libs/messaging/src/kafka-session.ts',
    find: 'const keptUntilMs = sentMs + sessionTimeoutMs',
    replace: 'const keptUntilMs = performance.now() + sessionTimeoutMs',
    tests: ['libs/messaging/src/kafka-session.test.ts'],
  },
]
