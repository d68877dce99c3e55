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
]
