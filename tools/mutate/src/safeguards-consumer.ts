import type { Safeguard } from './safeguard.ts'

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'An order that reuses the id of another is not taken for a repeat',
    file: 'examples/billing/src/orders.ts',
    find: '\n  where (known.customer, known.amount_cents, known.currency) = ($2, $3, $4)',
    replace: '',
    tests: ['examples/billing/test/billing.test.ts'],
  },
  {
    promise: 'An order that is stored with other contents is dead-lettered, not acknowledged',
    file: 'examples/billing/src/orders.ts',
    find: "if (count === 0) throw new UnrecoverableError('order-conflict', `order ${id} is stored with other contents`)",
    replace: 'void count; void UnrecoverableError',
    tests: ['examples/billing/test/billing.test.ts'],
  },
  {
    promise: 'Orders wait for a database that is away, and none is dead-lettered',
    file: 'examples/billing/src/handlers.ts',
    find: 'retry, middleware } as const',
    replace: 'retry } as const',
    tests: ['examples/billing/test/billing.test.ts'],
  },
  {
    promise: 'A stop ends the wait for the turn to migrate a database',
    file: 'examples/billing/src/handlers.ts',
    find: ', { signal: stopping }',
    replace: '',
    tests: ['examples/billing/test/billing.test.ts'],
  },
  {
    promise: "The clients that a consumer's handlers opened are closed, also if the broker cannot be closed",
    file: 'libs/consumer/src/consumer.ts',
    find: 'for (const closeNext of closers.splice(0).reverse()) await closeNext()',
    replace: '',
    tests: ['libs/consumer/test/consumer.test.ts'],
  },
  {
    promise: 'A stop during the start of a consumer is heard while its handlers open what they need',
    file: 'libs/consumer/src/consumer.ts',
    find: 'await unlessAborted(stopping, given({ onClose, stopping }))',
    replace: 'await given({ onClose, stopping })',
    tests: ['libs/consumer/test/consumer.test.ts'],
  },
  {
    promise: "Clients that a consumer's handlers open after a stop are closed at once",
    file: 'libs/consumer/src/consumer.ts',
    find: 'if (!closed) return void closers.push(close)',
    replace: 'if (!closed || close) return void closers.push(close)',
    tests: ['libs/consumer/test/consumer.test.ts'],
  },
  {
    promise: 'A migration that is stopped gives up its turn and undoes its step',
    file: 'libs/database/src/migrate.ts',
    find: '{ ...options, signal }',
    replace: 'options',
    tests: ['libs/database/test/migrate.test.ts'],
  },
]
