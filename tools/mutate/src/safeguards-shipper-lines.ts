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
    promise: 'Secrets are taken out of lines before the disk has them',
    file: 'apps/log-shipper/src/intake.ts',
    find: 'redact === undefined ? timed : redact(timed)',
    replace: 'timed',
    tests: ['apps/log-shipper/test/line-headers.test.ts'],
  },
  {
    promise: 'Secrets in JSON that stands in a text of JSON are found by their keys',
    file: 'apps/log-shipper/src/redact-keys.ts',
    find: 'rest = (rest - 1) / 2',
    replace: 'rest = 0',
    tests: ['apps/log-shipper/src/redact.test.ts'],
  },
  {
    promise: 'An event of several lines is no longer than maxLineBytes, and the lines that have no room are kept',
    file: 'apps/log-shipper/src/multiline.ts',
    find: 'bytes + 1 + line.length > maxLineBytes ||',
    replace: '',
    tests: ['apps/log-shipper/src/multiline.test.ts'],
  },
  {
    promise: 'Without a spool, input is read on only when what was read is published',
    file: 'apps/log-shipper/src/memory-spool.ts',
    find: 'return settled.promise',
    replace: 'return Promise.resolve()',
    tests: ['apps/log-shipper/test/when-full.test.ts'],
  },
]
