import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ackTracker } from './ack-tracker.ts'

/** The same, as plainly as can be: sets, searched anew each time. */
const naiveTracker = () => {
  let unfinished = new Set<number>()
  let done = new Set<number>()
  let committable: number | undefined
  return {
    received: (offset: number) => {
      if (!done.has(offset)) unfinished.add(offset)
    },
    settled: (offset: number): boolean => {
      if (!unfinished.delete(offset)) return false
      done.add(offset)
      const oldest = Math.min(...unfinished)
      const below = [...done].filter((each) => each < oldest)
      if (below.length > 0) committable = Math.max(committable ?? 0, Math.max(...below) + 1)
      for (const each of below) done.delete(each)
      return true
    },
    committable: () => committable,
    unfinished: () => unfinished.size,
    reset: () => {
      unfinished = new Set()
      done = new Set()
      committable = undefined
    },
  }
}

type Step =
  | { readonly what: 'receive'; readonly partition: number; readonly gap: number }
  | { readonly what: 'receive at' | 'settle'; readonly partition: number; readonly offset: number }
  | { readonly what: 'settle oldest' | 'reset'; readonly partition: number }

const partition = fc.integer({ min: 0, max: 2 })
const offset = fc.integer({ min: 0, max: 40 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('receive'), partition, gap: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 6, arbitrary: fc.record({ what: fc.constant('settle'), partition, offset }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('settle oldest'), partition }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('receive at'), partition, offset }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('reset'), partition }) },
)

describe('ackTracker', () => {
  test('agrees with the naive model', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const tracker = ackTracker()
        const models = [naiveTracker(), naiveTracker(), naiveTracker()]
        const highest = [-1, -1, -1]
        for (const each of steps) {
          const model = models[each.partition]!
          if (each.what === 'receive' || each.what === 'receive at') {
            const at = each.what === 'receive' ? highest[each.partition]! + each.gap : each.offset
            highest[each.partition] = Math.max(highest[each.partition]!, at)
            tracker.received(each.partition, at)
            model.received(at)
          } else if (each.what === 'reset') {
            tracker.reset(each.partition)
            model.reset()
            highest[each.partition] = -1
          } else {
            const at = each.what === 'settle' ? each.offset : (tracker.committable(each.partition) ?? 0)
            expect(tracker.settled(each.partition, at)).toBe(model.settled(at))
          }
          for (const [index, expected] of models.entries()) {
            expect(tracker.committable(index)).toBe(expected.committable())
            expect(tracker.unfinished(index)).toBe(expected.unfinished())
          }
        }
      }),
      { numRuns: 500 },
    )
  })

  test('whatever the order of settling, all is committable in the end and nothing above an unfinished one before', () => {
    const permutation = fc.uniqueArray(fc.integer({ min: 0, max: 200 }), { minLength: 1 })
    fc.assert(
      fc.property(permutation, (order) => {
        const tracker = ackTracker()
        const unfinished = new Set(order)
        for (const each of order.toSorted((a, b) => a - b)) tracker.received(0, each)
        for (const each of order) {
          tracker.settled(0, each)
          unfinished.delete(each)
          for (const left of unfinished) expect(tracker.committable(0) ?? 0).toBeLessThanOrEqual(left)
        }
        expect(tracker.committable(0)).toBe(Math.max(...order) + 1)
      }),
    )
  })

  test('commits over the gaps of a compacted topic', () => {
    const tracker = ackTracker()
    for (const each of [5, 9, 12]) tracker.received(0, each)
    expect(tracker.committable(0)).toBeUndefined()
    tracker.settled(0, 9)
    expect(tracker.committable(0)).toBeUndefined()
    tracker.settled(0, 5)
    expect(tracker.committable(0)).toBe(10)
    tracker.settled(0, 12)
    expect(tracker.committable(0)).toBe(13)
  })

  test('keeps partitions apart', () => {
    const tracker = ackTracker()
    tracker.received(0, 1)
    tracker.received(1, 1)
    tracker.settled(1, 1)
    expect(tracker.committable(0)).toBeUndefined()
    expect(tracker.committable(1)).toBe(2)
    expect(tracker.unfinished(7)).toBe(0)
  })

  test('ignores what an old assignment settles after a reset', () => {
    const tracker = ackTracker()
    const before = tracker.received(0, 1)
    tracker.reset()
    const after = tracker.received(0, 1)
    expect(after).not.toBe(before)
    expect(tracker.settled(0, 1, before)).toBe(false)
    expect(tracker.committable(0)).toBeUndefined()
    expect(tracker.settled(0, 1, after)).toBe(true)
    expect(tracker.committable(0)).toBe(2)
  })

  test('a reset of one partition leaves the others', () => {
    const tracker = ackTracker()
    tracker.received(0, 1)
    const epoch = tracker.received(1, 1)
    tracker.reset(0)
    expect(tracker.settled(1, 1, epoch)).toBe(true)
    expect(tracker.unfinished(0)).toBe(0)
  })

  test('what was not received or is done already does not count', () => {
    const tracker = ackTracker()
    expect(tracker.settled(0, 0)).toBe(false)
    tracker.received(0, 0)
    tracker.received(0, 1)
    tracker.received(0, 1)
    expect(tracker.unfinished(0)).toBe(2)
    expect(tracker.settled(0, 2)).toBe(false)
    expect(tracker.settled(0, 1)).toBe(true)
    expect(tracker.settled(0, 1)).toBe(false)
    expect(tracker.unfinished(0)).toBe(1)
  })

  test('a long run keeps its place when it lets go of what is done', () => {
    const tracker = ackTracker()
    const window = 10
    for (let at = 0; at < 20_000; at++) {
      tracker.received(0, at)
      if (at >= window) expect(tracker.settled(0, at - window)).toBe(true)
      expect(tracker.committable(0)).toBe(at >= window ? at - window + 1 : undefined)
    }
    expect(tracker.unfinished(0)).toBe(window)
  })

  test.each([-1, 0.5, Number.NaN, 2 ** 53])('refuses the offset %d', (bad) => {
    expect(() => ackTracker().received(0, bad)).toThrow(RangeError)
  })
})
