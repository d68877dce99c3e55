import type { Safeguard } from './safeguard.ts'

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'The messages that a handler returns are held by the broker before its own is acknowledged',
    file: 'libs/messaging/src/perform.ts',
    find: 'await publishAll(publisher, messages)',
    replace: 'void publishAll(publisher, messages).catch(() => undefined)',
    tests: ['libs/consumer/test/on-options.test.ts'],
  },
  {
    promise: 'The messages of a join are acknowledged when its handler has handled them, not before',
    file: 'libs/messaging/src/join.ts',
    find: "if (outcome !== 'dead-letter') return outcome.follow",
    replace: "if (outcome !== 'dead-letter') return",
    tests: ['libs/consumer/test/join.test.ts'],
  },
  {
    promise: 'A join that is not complete at the end of its window holds no message for ever',
    file: 'libs/messaging/src/join.ts',
    find: 'else for (const each of one.parts.values()) each.complete(unmatched)',
    replace: '',
    tests: ['libs/consumer/test/join.test.ts'],
  },
  {
    promise: 'What one process handles by an inbox, no other handles at the same time',
    file: 'libs/messaging/src/idempotent.ts',
    find: "if (claim.state === 'busy') {",
    replace: "if (claim.state === 'busy' && key === '') {",
    tests: ['libs/messaging/src/idempotent.test.ts'],
  },
  {
    promise: 'A message that failed is not remembered as handled',
    file: 'libs/messaging/src/idempotent.ts',
    find: 'await inbox.release(inboxKey).catch(() => undefined)',
    replace: '',
    tests: ['libs/messaging/src/idempotent.test.ts'],
  },
  {
    promise: 'An inbox that is away costs no message',
    file: 'libs/messaging/src/idempotent.ts',
    find: "throw new RedeliverError('inbox-away', ",
    replace: "throw new UnrecoverableError('inbox-away', ",
    tests: ['libs/messaging/src/idempotent.test.ts'],
  },
  {
    promise: 'What a handler stores and the messages that it returns are one transaction',
    file: 'libs/outbox/src/postgres-store.ts',
    find: 'await storeMessages(within, messages)',
    replace: 'await storeMessages(database, messages)',
    tests: ['libs/outbox/test/store.test.ts'],
  },
  {
    promise: 'A message of the outbox is removed only when the broker holds it',
    file: 'libs/outbox/src/outbox-relay.ts',
    find: 'await removeMessages(transaction, done)',
    replace: 'await removeMessages(database, run.map(({ seq }) => seq))',
    tests: ['libs/outbox/test/store.test.ts', 'libs/outbox/test/kill.test.ts'],
  },
  {
    promise: 'Relays of an outbox take turns, so that messages keep their order',
    file: 'libs/outbox/src/outbox-relay.ts',
    find: 'if (locked.rows[0]?.mine !== true) return 0',
    replace: 'if (locked.rows.length === 0) return 0',
    tests: ['libs/outbox/test/store.test.ts'],
  },
  {
    promise:
      'A topic of the outbox that failed is left out of the rest of the look, so that its messages keep their order',
    file: 'libs/outbox/src/outbox-relay.ts',
    find: 'failed.add(topic)',
    replace: '',
    tests: ['libs/outbox/test/store.test.ts'],
  },
  {
    promise: 'An attempt that has run out of time, or whose message was taken back, publishes and stores nothing more',
    file: 'libs/messaging/src/lease.ts',
    find: 'if (this.#lostBy !== undefined) throw this.#lostBy',
    replace: '',
    tests: ['libs/messaging/src/perform.test.ts'],
  },
  {
    promise: 'Two handlers of one service have no consumer group in common',
    file: 'libs/consumer/src/consumer.ts',
    find: 'checkNames(name, handlers)',
    replace: '',
    tests: ['libs/consumer/test/consumer.test.ts'],
  },
]
