import type { Safeguard } from './safeguard.ts'

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'Each line that a full spool drops is in the books',
    file: 'apps/log-shipper/src/drop-counter.ts',
    find: "ledger.dropped('spool-full', lines)",
    replace: '',
    tests: ['apps/log-shipper/test/when-full.test.ts'],
  },
  {
    promise: 'Without a spool, input is read on only when what was read is published',
    file: 'apps/log-shipper/src/memory-spool.ts',
    find: 'return settled.promise',
    replace: 'return Promise.resolve()',
    tests: ['apps/log-shipper/test/when-full.test.ts'],
  },
]
