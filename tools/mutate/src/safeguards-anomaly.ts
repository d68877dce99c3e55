import type { Safeguard } from './safeguard.ts'

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'A value that is not finite is refused, and the detector does not learn it',
    file: 'libs/anomaly/src/detector.ts',
    find: '!Number.isFinite(given) || !Number.isFinite(atMs)',
    replace: 'Number.isNaN(atMs)',
    tests: ['libs/anomaly/src/detector.test.ts'],
  },
  {
    promise: 'The greatest numbers there are have a finite score',
    file: 'libs/anomaly/src/detector.ts',
    find: 'within(given, mostValue)',
    replace: 'given',
    tests: ['libs/anomaly/src/detector.test.ts'],
  },
  {
    promise: 'An incident is not an alert for each of its values',
    file: 'libs/anomaly/src/incident.ts',
    find: 'evidence - toldShare * state.told',
    replace: 'evidence',
    tests: ['libs/anomaly/src/incident.test.ts', 'libs/anomaly/src/detector.test.ts'],
  },
  {
    promise: 'An outlier hardly moves what is usual at its time of day',
    file: 'libs/anomaly/src/season.ts',
    find: 'within(value - mean, clip)',
    replace: 'value - mean',
    tests: ['libs/anomaly/src/season.test.ts'],
  },
  {
    promise: 'What is rare fades from the memory of a detector, so that a lasting change becomes ordinary',
    file: 'libs/anomaly/src/tails.ts',
    find: 'if ((totals[tail] ?? 0) > memoryValues) fade(tail)',
    replace: 'void fade',
    tests: ['libs/anomaly/src/tails.test.ts'],
  },
  {
    promise: 'After a long pause the last values say nothing about the next one',
    file: 'libs/anomaly/src/forecast.ts',
    find: 'if (forecast.stale) forget()',
    replace: 'void forget',
    tests: ['libs/anomaly/src/detector.test.ts'],
  },
  {
    promise: 'A row of a series that cannot be read makes the exit code 65',
    file: 'apps/alert-monitor/src/detect/detect.ts',
    find: 'return faults > 0 ? exitCodes.data : exitCodes.ok',
    replace: 'return exitCodes.ok',
    tests: ['apps/alert-monitor/src/detect/detect.test.ts'],
  },
]
