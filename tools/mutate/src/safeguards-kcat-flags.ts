import type { Safeguard } from './safeguard.ts'

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'A run whose messages have keys of their own is not sent with one key',
    file: 'libs/messaging-kit/src/create-driver.ts',
    find: 'if (run.keys !== undefined) return publish(topic, messagesOf(run, topic))',
    replace: '',
    tests: ['libs/messaging-kit/src/create-driver.test.ts'],
  },
  {
    promise: 'A broker that is named twice is refused',
    file: 'apps/log-shipper/src/kafka-flags.ts',
    find: 'if (brokers.length > 0 && hasUrl) {',
    replace: 'if (brokers.length > 1000 && hasUrl) {',
    tests: ['apps/log-shipper/src/kafka-flags.test.ts'],
  },
  {
    promise: 'tail gives out lines in order of time, within its window',
    file: 'apps/log-shipper/src/tail-merge.ts',
    find: 'return taken.toSorted((one, other) => one.timeMs - other.timeMs)',
    replace: 'return taken',
    tests: ['apps/log-shipper/src/tail.test.ts'],
  },
  {
    promise: 'tail shows no line from before --since or after --until',
    file: 'apps/log-shipper/src/tail.ts',
    find: 'if (line.timeMs < sinceMs || line.timeMs > untilMs) return',
    replace: '',
    tests: ['apps/log-shipper/src/tail.test.ts'],
  },
]
