import type { Safeguard } from './safeguard.ts'

const backoff = { file: 'libs/async/src/backoff.ts', tests: ['libs/async/src/backoff.test.ts'] }

export const safeguards: readonly Safeguard[] = [
  {
    ...backoff,
    promise: 'Clients that failed together do not try again together',
    find: 'Math.ceil(random() * Math.min(',
    replace: 'Math.ceil((0.5 + random() / 2) * Math.min(',
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
]
