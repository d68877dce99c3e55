import type { Safeguard } from './safeguard.ts'

/** What holds the promise on RabbitMQ and Redis. */
export const safeguards: readonly Safeguard[] = [
  {
    promise: 'RabbitMQ: a publish that no queue takes is not confirmed',
    file: 'libs/messaging/src/amqp-settings.ts',
    find: "mandatory: own.mandatory !== 'false',",
    replace: "mandatory: own.mandatory === 'true',",
    tests: ['libs/messaging/test/amqp-mandatory.test.ts'],
  },
  {
    promise: 'RabbitMQ: of equal messages each caller is told that nobody took it',
    file: 'libs/messaging/src/amqp-publisher.ts',
    find: 'else jobs.add(job)',
    replace: 'else returnable.set(key, new Set([job]))',
    tests: ['libs/messaging/test/amqp-mandatory.test.ts'],
  },
  {
    promise: 'A redrive leaves a letter whose topic nobody reads, and goes on',
    file: 'apps/reactor/src/redrive.ts',
    find: "(retryable && fault !== 'unroutable')",
    replace: 'retryable',
    tests: ['apps/reactor/test/redrive.test.ts'],
  },
  {
    promise: 'An alert whose topic nobody reads waits, and others pass it',
    file: 'apps/alert-monitor/src/outbox.ts',
    find: 'if (isUnread(error)) {',
    replace: 'if (isUnread(error) && closed) {',
    tests: ['apps/alert-monitor/src/outbox.test.ts'],
  },
  {
    promise: 'A log line whose topic nobody reads stays in the spool',
    file: 'libs/messaging/src/errors.ts',
    find: " || fault === 'unroutable'",
    replace: '',
    tests: ['apps/log-shipper/test/broker.test.ts'],
  },
]
