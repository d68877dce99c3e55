import { describe, expect, test } from 'vitest'
import { bench, sample } from '../../test/monitor-bench.ts'
import { createTotals, maxSenders } from './totals.ts'

/** What each total rose by. */
const rises = (...given: readonly { value: number; startMs?: number; timeMs?: number }[]) => {
  const totals = createTotals()
  return given.map((each) => totals.rise(each))
}

test('the first total counts nothing, the next ones by how much they rose, and one that falls has begun anew', () => {
  expect(rises({ value: 100 }, { value: 105 }, { value: 105 }, { value: 3 }, { value: 4 })).toEqual([0, 5, 0, 3, 1])
})

describe('with a start', () => {
  test('a sender that began anew counts from 0, also where it has passed its old total', () => {
    expect(
      rises(
        { value: 10, startMs: 0, timeMs: 1_000 },
        { value: 15, startMs: 0, timeMs: 2_000 },
        { value: 20, startMs: 2_500, timeMs: 3_000 },
        { value: 22, startMs: 2_500, timeMs: 4_000 },
      ),
    ).toEqual([0, 5, 20, 2])
  })

  test('one that began before the last time is another sender: its total is where counting it begins', () => {
    expect(
      rises(
        { value: 10, startMs: 0, timeMs: 5_000 },
        { value: 900, startMs: 4_000, timeMs: 5_000 },
        { value: 12, startMs: 0 },
      ),
    ).toEqual([0, 0, 2])
  })

  test('bug: a sender that does not know its start, and gives the time of its first total for it, counted that total', () => {
    expect(
      rises(
        { value: 10, startMs: 0, timeMs: 1_000 },
        { value: 900, startMs: 2_000, timeMs: 2_000 },
        { value: 905, startMs: 2_000, timeMs: 3_000 },
      ),
    ).toEqual([0, 0, 5])
  })

  test('a fall is no new start: the point came late', () => {
    expect(rises({ value: 10, startMs: 1 }, { value: 7, startMs: 1 }, { value: 12, startMs: 1 })).toEqual([0, 0, 2])
  })

  test('the sender that has been silent longest is forgotten', () => {
    const senders = Array.from({ length: maxSenders }, (_, place) => ({ value: 10, startMs: place, timeMs: 100 }))
    const totals = createTotals()
    for (const each of senders) totals.rise(each)
    expect(totals.rise({ value: 11, startMs: 0, timeMs: 100 })).toBe(1)
    expect(totals.rise({ value: 10, startMs: 50, timeMs: 100 })).toBe(0)
    expect(totals.rise({ value: 12, startMs: 0, timeMs: 100 })).toBe(1)
    expect(totals.rise({ value: 99, startMs: 1, timeMs: 100 })).toBe(0)
  })
})

test('without a start, a fall of an earlier time came late; a rise counts, though the clock was set back', () => {
  expect(
    rises(
      { value: 10, timeMs: 2_000 },
      { value: 7, timeMs: 1_000 },
      { value: 12, timeMs: 1_500 },
      { value: 1, timeMs: 1_500 },
    ),
  ).toEqual([0, 0, 2, 1])
})

describe('bug: totals of one series from two senders, or out of order, counted as new starts', () => {
  const busy = { type: 'threshold', name: 'busy', metric: 'hits', stat: 'mean', op: '>', value: 100, windowMs: 60_000 }
  const wallMs = 1_000_000

  test.each([
    [
      'two senders',
      [
        [5_000, 0],
        [40_000, 500],
        [5_010, 0],
        [40_010, 500],
        [5_020, 0],
      ],
    ],
    [
      'a late point',
      [
        [5_000, 0],
        [5_010, 0],
        [5_009, 0],
        [5_020, 0],
      ],
    ],
  ])('%s', (_, points) => {
    const { monitor, until, time } = bench([busy])
    time.nowMs = wallMs
    for (const [value = 0, startMs] of points)
      monitor.observe(sample('hits', value, 'meter', { cumulative: true, startMs, timeMs: wallMs }))
    expect(until(wallMs / 1000 + 1)).toEqual([])
  })
})
