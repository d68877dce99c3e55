import type { Safeguard } from './safeguard.ts'

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'A line that is no UTF-8 is found among lines that are, and dead-lettered',
    file: 'apps/log-shipper/src/lines.ts',
    find: 'if (isUtf8(data.subarray(0, ends[count - 1]))) return',
    replace: 'if (count > 0) return',
    tests: ['apps/log-shipper/src/lines.test.ts'],
  },
  {
    promise: 'A line that was acknowledged before a crash is not published again after it',
    file: 'apps/log-shipper/src/spool-reader.ts',
    find: 'if (own <= last) continue',
    replace: '',
    tests: ['apps/log-shipper/src/spool-recovery.test.ts'],
  },
]
