import { expect, test } from 'vitest'
import { noClockWaits } from './clock-waits.ts'
import { treeOf } from './tree.ts'

const found = (text: string, path = 'libs/a/test/a.test.ts') => noClockWaits(treeOf({ [path]: text }))

test.each([
  'await eventually(() => expect(performance.now() - startedMs).toBeGreaterThan(1_500))',
  'await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(end), { timeout: 10_000 })',
  'await expect.poll(() => performance.now() - askedMs, { interval: 10 }).toBeGreaterThan(550)',
  'await until(() => performance.now() > end)',
  'expect(performance.now() - startedMs).toBeLessThan(900)',
])('%s waits for the clock', (text) => {
  expect(found(text)).toHaveLength(1)
  expect(found(text, 'libs/a/src/a.ts')).toEqual([])
})

test.each([
  'await eventually(() => expect(received).toHaveLength(3))',
  'await until(() => received.length === 3)',
  'expect(performance.now() - startedMs).toBeLessThan(5_000)',
  'expect(performance.now() - startedMs).toBeGreaterThanOrEqual(50)',
  'expect(Date.now() / 1000 - stampedSeconds).toBeLessThan(60)',
  'expect(handledAtMs).toBeLessThan(10)',
])('%s does not', (text) => {
  expect(found(text)).toEqual([])
})
