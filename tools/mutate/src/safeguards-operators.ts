import type { Safeguard } from './safeguard.ts'

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'A service starts by the URL of a broker with several hosts',
    file: 'libs/config/src/common.ts',
    find: 'messagingUrl: brokerUrl()',
    replace: 'messagingUrl: url()',
    tests: ['apps/all-in-one/test/readme-urls.test.ts'],
  },
  {
    promise: 'No error shows a password of which a slash was not escaped',
    file: 'libs/messaging/src/broker-url.ts',
    find: "if (path.includes('@'))",
    replace: "if (path.includes('@@'))",
    tests: ['libs/messaging/src/broker-url.test.ts'],
  },
  {
    promise: 'No error shows a password of which a question mark was not escaped',
    file: 'libs/messaging/src/broker-url.ts',
    find: "if (query.includes('@'))",
    replace: "if (query.includes('@@'))",
    tests: ['libs/messaging/src/broker-url.test.ts'],
  },
  {
    promise: 'What expires while an operator removes letters is not taken for the end of the topic',
    file: 'libs/messaging/src/kafka-walk.ts',
    find: 'fetched?.next ?? (await oldestAfter(cursor))',
    replace: 'fetched?.next ?? cursor.end',
    tests: ['libs/messaging/test/kafka-removal.test.ts'],
  },
  {
    promise: 'A removal from a topic of Kafka cuts off only what it walked',
    file: 'libs/messaging/src/kafka-removal.ts',
    find: 'await deleteBelow(cursor.place, cut)',
    replace: 'await deleteBelow(cursor.place, cursor.end + 0 * cut)',
    tests: ['libs/messaging/test/kafka-removal.test.ts'],
  },
  {
    promise: 'One operator at a time removes from a topic of Kafka',
    file: 'libs/messaging/src/kafka-lock.ts',
    find: 'const protocol = randomUUID()',
    replace: "const protocol = randomUUID().replace(/.*/s, 'one')",
    tests: ['libs/messaging/test/kafka-removal.test.ts'],
  },
  {
    promise: 'Letters that stay are published again in batches that the topic takes',
    file: 'libs/messaging/src/kafka-removal.ts',
    find: 'await produce(place, records, CompressionTypes.GZIP)',
    replace: 'await produce(place, records, CompressionTypes.None)',
    tests: ['libs/messaging/test/kafka-removal.test.ts'],
  },
  {
    promise: 'Topics of dead letters that are made on Kafka do not expire',
    file: 'libs/messaging/src/kafka-topics.ts',
    find: '? keptForGood : []',
    replace: '? [] : []',
    tests: ['libs/messaging/test/kafka-removal.test.ts'],
  },
]
