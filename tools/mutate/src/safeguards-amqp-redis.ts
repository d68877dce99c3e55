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
    file: 'libs/messaging/src/amqp-outlet.ts',
    find: 'else others.add(returned)',
    replace: 'else catchers.set(key, new Set([returned]))',
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
  {
    promise: 'RabbitMQ: nothing is confirmed that went to another exchange of the same name',
    file: 'libs/messaging/src/amqp-outlet.ts',
    find: 'checkMark: mark === undefined ?',
    replace: 'checkMark: mark !== "" ?',
    tests: ['libs/messaging/test/amqp-replaced.test.ts'],
  },
  {
    promise: 'RabbitMQ: what a replaced exchange took is sent again when its members are bound again',
    file: 'libs/messaging/src/amqp-publisher.ts',
    find: 'boundAgainAtMs = performance.now() + boundAgainMs',
    replace: 'boundAgainAtMs = 0 * boundAgainMs',
    tests: ['libs/messaging/test/amqp-replaced.test.ts'],
  },
  {
    promise: 'RabbitMQ: members bind their queues again',
    file: 'libs/messaging/src/amqp-bindings.ts',
    find: 'await bindQueue(session, settings, bound)',
    replace: 'void bound',
    tests: ['libs/messaging/test/amqp-replaced.test.ts'],
  },
  {
    promise: 'RabbitMQ: a dead letter is confirmed only when its own queue holds it',
    file: 'libs/messaging/src/amqp-publisher.ts',
    find: 'if (!queue) for',
    replace: 'if (!queue && closed) for',
    tests: ['libs/messaging/test/amqp-replaced.test.ts'],
  },
  {
    promise: 'RabbitMQ: a registry of dead-letter topics that was removed is written again',
    file: 'libs/messaging/src/amqp-publisher.ts',
    find: 'if (!registry) {',
    replace: 'if (!registry && closed) {',
    tests: ['libs/messaging/test/amqp-replaced.test.ts'],
  },
]
