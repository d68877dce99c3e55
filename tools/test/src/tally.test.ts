import { expect, test } from 'vitest'
import { afterSecondRun, closing, filesToRunAgain, succeeded } from './tally.ts'

test.each([
  { passed: 3, failed: [], skipped: [] },
  { passed: 1, failed: [], skipped: ['a > b'] },
])('succeeds: %o', (tally) => {
  expect(succeeded(tally)).toBe(true)
})

test.each([
  { passed: 3, failed: ['a > b'], skipped: [] },
  { passed: 0, failed: [], skipped: [] },
  { passed: 0, failed: [], skipped: ['a > b'] },
])('does not succeed: %o', (tally) => {
  expect(succeeded(tally)).toBe(false)
})

test('closes with the skipped, the failed and the sums alone on the last line', () => {
  expect(closing({ passed: 7, failed: ['a > b', 'c > d'], skipped: ['e > f'] })).toEqual([
    '1 skipped:',
    '  e > f',
    '',
    '2 failed:',
    '  a > b',
    '  c > d',
    '',
    '7 passed, 2 failed',
  ])
  expect(closing({ passed: 7, failed: [], skipped: [] })).toEqual(['7 passed, 0 failed'])
  expect(closing({ passed: 0, failed: [], skipped: [] })).toEqual(['No test was run.', '0 passed, 0 failed'])
})

test('names what went without a server just above the last line', () => {
  expect(closing({ passed: 7, failed: ['a > b'], skipped: ['e > f'] }, ['kafka', 'nats'])).toEqual([
    '1 failed:',
    '  a > b',
    '',
    '1 skipped (ARMATURE_SKIP=kafka,nats):',
    '  e > f',
    '',
    '7 passed, 1 failed',
  ])
})

test('few failed tests run again, many do not, and neither do those of which that would say nothing', () => {
  const failed = { passed: 7, failed: ['a > b', 'c > d'], skipped: [], failedFiles: ['/a.test.ts', '/c.test.ts'] }
  expect(filesToRunAgain(failed, 2)).toEqual(['/a.test.ts', '/c.test.ts'])
  expect(filesToRunAgain(failed, 1)).toEqual([])
  expect(filesToRunAgain({ ...failed, failedFiles: undefined }, 2)).toEqual([])
  expect(filesToRunAgain({ passed: 7, failed: [], skipped: [], failedFiles: [] }, 2)).toEqual([])
})

test('what passes at the second run is named as flaky; what fails again failed', () => {
  const first = { passed: 7, failed: ['a > b'], skipped: [], failedFiles: ['/a.test.ts'] }
  const flaky = afterSecondRun(first, { passed: 5, failed: [], skipped: [] })
  expect(closing(flaky)).toEqual([
    '1 FLAKY (failed, and passed when the file ran once more alone: a fault to be found):',
    '  a > b',
    '',
    '8 passed, 0 failed',
  ])
  expect(afterSecondRun(first, { passed: 4, failed: ['a > b'], skipped: [] })).toBe(first)
  expect(afterSecondRun(first, { passed: 0, failed: [], skipped: [] })).toBe(first)
})
