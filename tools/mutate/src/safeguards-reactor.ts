import type { Safeguard } from './safeguard.ts'

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'An alert and what it causes belong to the trace of the sample by which it began',
    file: 'apps/alert-monitor/src/rules/monitor.ts',
    find: 'if (trace !== noTrace) watch.trace = trace',
    replace: '',
    tests: ['apps/all-in-one/test/trace.test.ts'],
  },
]
