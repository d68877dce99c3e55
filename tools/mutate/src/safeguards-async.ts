import type { Safeguard } from './safeguard.ts'

const backoff = { file: 'libs/async/src/backoff.ts', tests: ['libs/async/src/backoff.test.ts'] }

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'Clients that failed together do not try again together',
    file: 'libs/async/src/jitter.ts',
    find: 'leastMs + random() * (mostMs - leastMs)',
    replace: '(leastMs + mostMs) / 2 + (random() * (mostMs - leastMs)) / 2',
    tests: ['libs/async/src/jitter.test.ts', 'libs/async/src/backoff.test.ts'],
  },
  {
    ...backoff,
    promise: 'A wait between attempts has an upper bound',
    find: 'Math.min(maxDelayMs, firstDelayMs * 2 ** Math.min(attempt - 1, maxDoublings))',
    replace: '(firstDelayMs * 2 ** Math.min(attempt - 1, maxDoublings))',
  },
  {
    ...backoff,
    promise: 'A wait between attempts stays a number, however long the outage',
    find: 'Math.min(attempt - 1, maxDoublings)',
    replace: '(attempt - 1)',
  },
  {
    promise: 'An IPv6 address and a port are told apart, in errors and in addresses that clients dial',
    file: 'libs/async/src/host-port.ts',
    find: 'isIPv6(host) ? `[${host}]:${port}` : ',
    replace: '',
    tests: ['libs/async/src/host-port.test.ts', 'libs/messaging-drivers/test/absent.test.ts'],
  },
  {
    promise: 'RabbitMQ: publishers wait for looks at a new exchange, as members make them, not for a time',
    file: 'libs/messaging-amqp/src/rebind-wait.ts',
    find: 'const isDone = await look().then(',
    replace: 'const isDone = await Promise.resolve(void look().catch(() => undefined)).then(',
    tests: ['libs/messaging-amqp/src/rebind-wait.test.ts'],
  },
  {
    promise: 'RabbitMQ: an exchange that is replaced a second time is waited for anew',
    file: 'libs/messaging-amqp/src/rebind-wait.ts',
    find: 'if (isDone && replacements === atStart) looksLeft--',
    replace: 'if (isDone) looksLeft--',
    tests: ['libs/messaging-amqp/src/rebind-wait.test.ts'],
  },
  {
    promise: 'RabbitMQ: an exchange that goes while its mark is made is watched all the same',
    file: 'libs/messaging-amqp/src/publish-channels.ts',
    find: 'if (replyCode(error) === notFound) {',
    replace: 'if (replyCode(error) === -notFound) {',
    tests: ['libs/messaging-amqp/src/publish-channels.test.ts'],
  },
  {
    promise: 'RabbitMQ: the mark of an exchange that is gone never comes again',
    file: 'libs/messaging-amqp/src/mark.ts',
    find: 'await makeBound(session, settings, ownMark, {})\n  return ownMark',
    replace: 'await makeBound(session, settings, known, {})\n  return known',
    tests: ['libs/messaging-amqp/test/replaced.test.ts'],
  },
]
