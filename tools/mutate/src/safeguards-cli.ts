import type { Safeguard } from './safeguard.ts'

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'A command over a broker closes its connection, also when its work fails',
    file: 'libs/messaging-commands/src/broker-command.ts',
    find: 'await driver?.close()',
    replace: 'void driver',
    tests: ['libs/messaging-commands/test/broker-command.test.ts'],
  },
  {
    promise: 'A command that does not end after a stop is ended at its deadline',
    file: 'libs/service/src/run-command.ts',
    find: 'const code = await Promise.race([ended, stopped.promise])',
    replace: 'const code = await ended',
    tests: ['libs/service/test/run.test.ts'],
  },
  {
    promise: 'A batch handler that returns another number of outcomes than messages acknowledges none',
    file: 'libs/messaging/src/batches.ts',
    find: 'if (outcomes.length !== items.length)',
    replace: 'if (outcomes.length > items.length)',
    tests: ['libs/messaging-memory/test/batch.test.ts'],
  },
  {
    promise: 'After close no batch is handed over: its messages come again',
    file: 'libs/messaging/src/batches.ts',
    find: 'for (const { cancel } of collecting.values()) cancel()',
    replace: '',
    tests: ['libs/messaging-memory/test/batch.test.ts'],
  },
  {
    promise: 'Messages for a webhook that is down wait, and are not dead-lettered',
    file: 'apps/reactor/src/handlers/forward-to-webhook.ts',
    find: 'failures: failuresUntilDown,',
    replace: 'failures: 1_000,',
    tests: ['apps/reactor/test/webhook-handler.test.ts'],
  },
  {
    promise: 'A message that comes again is not posted to the webhook again',
    file: 'apps/reactor/src/handlers/forward-to-webhook.ts',
    find: "dedupe({ metrics, component: 'reactor', clock }),",
    replace: '',
    tests: ['apps/reactor/test/webhook-handler.test.ts'],
  },
]
