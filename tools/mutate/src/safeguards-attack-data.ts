import type { Safeguard } from './safeguard.ts'

const outages = ['apps/aggregator/test/outages.test.ts']

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'No message is condemned for a full disk, a lock or a deadlock while the sink takes others',
    file: 'apps/aggregator/src/write-group.ts',
    find: 'if (works && fault instanceof RedeliverError) return [outage(fault)]',
    replace: '',
    tests: outages,
  },
  {
    promise: 'A column that others made mandatory condemns no message',
    file: 'apps/aggregator/src/sql-state-fault.ts',
    find: "const notNull = '23502'",
    replace: "const notNull = ''",
    tests: outages,
  },
  {
    promise: 'Two aggregators with the same events do not deadlock',
    file: 'apps/aggregator/src/event-table.ts',
    find: 'order by source collate "C", id collate "C", place',
    replace: 'order by place',
    tests: outages,
  },
  {
    promise: 'JSON that jsonb does not take is stored as text if its content type does not say JSON',
    file: 'apps/aggregator/src/postgres-sink.ts',
    find: 'if (textJson !== undefined) return store(',
    replace: 'if (textJson !== undefined && rows.length > 1) return store(',
    tests: ['apps/aggregator/src/postgres-sink.test.ts'],
  },
  {
    promise: "A message's own headers never pass for the envelope of its dead letter",
    file: 'libs/messaging/src/dead-letter-envelope.ts',
    find: 'const isMistakable = isOfEnvelope(name, ours) || standsForOther(headers, name)',
    replace: 'const isMistakable = standsForOther(headers, name)',
    tests: ['libs/messaging/src/dead-letter-forged.test.ts'],
  },
]
