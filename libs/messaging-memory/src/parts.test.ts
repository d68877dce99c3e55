import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { drivenClock } from '@armature/async/clock'
import { elementAt } from '@armature/async/element-at'
import { assign } from './assignment.ts'
import { delays } from './delays.ts'
import { heap } from '@armature/async/heap'
import { partitionLog } from './log.ts'
import { bodyText, message } from '@armature/messaging/message'
import { seededRandom } from '@armature/async/random'

test('heap: the lowest comes out first', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer())), (steps) => {
      const numbers = heap()
      const model: number[] = []
      for (const value of steps) {
        if (value === null) {
          const lowest = model.length === 0 ? undefined : Math.min(...model)
          expect(numbers.pop()).toBe(lowest)
          if (lowest !== undefined) model.splice(model.indexOf(lowest), 1)
        } else {
          numbers.push(value)
          model.push(value)
        }
        expect(numbers.size).toBe(model.length)
      }
      expect(numbers.drain().sort()).toEqual(model.sort())
      expect(numbers.pop()).toBeUndefined()
    }),
  )
})

describe('assign', () => {
  const member = fc.constantFrom('a', 'b', 'c', 'd', 'e')
  const members = fc.uniqueArray(member, { minLength: 1 })
  const current = fc.array(fc.option(member, { nil: undefined }), { minLength: 1, maxLength: 20 })

  test('is even, leaves nothing out, and moves no more than it must', () => {
    fc.assert(
      fc.property(current, members, (before, present) => {
        const after = assign(before, present, () => 0)
        const count = (all: readonly (string | undefined)[], name: string) => all.filter((each) => each === name).length
        const counts = present.map((name) => count(after, name))
        expect(after).toHaveLength(before.length)
        expect(counts.reduce((sum, each) => sum + each, 0)).toBe(before.length)
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
        const most = Math.ceil(before.length / present.length)
        for (const [index, name] of before.entries()) {
          if (name === undefined || !present.includes(name) || after[index] === name) continue
          expect(count(before, name), `${name} gave one away`).toBeGreaterThanOrEqual(
            before.length % present.length === 0 ? most + 1 : most,
          )
        }
      }),
    )
  })

  test('does not move anything when nothing changed', () => {
    fc.assert(
      fc.property(current, members, (before, present) => {
        const after = assign(before, present, () => 0)
        expect(assign(after, present, () => 0)).toEqual(after)
      }),
    )
  })

  test('gives the remainder to whoever has less elsewhere', () => {
    const load = (name: string) => (name === 'a' ? 5 : 1)
    expect(assign([undefined], ['a', 'b'], load)).toEqual(['b'])
  })

  test('without members nobody has anything', () => {
    expect(assign(['a', undefined], [], () => 0)).toEqual([undefined, undefined])
  })
})

describe('partitionLog', () => {
  test('keeps what is not cut off, at its offset', () => {
    const log = partitionLog(3)
    const kept = 50
    for (let offset = 0; offset < 10_000; offset++) {
      log.append(message('t', String(offset)), offset)
      if (offset >= kept) log.dropFirst()
    }
    expect([log.first, log.end]).toEqual([10_000 - kept, 10_000])
    expect(log.bytes).toBe(kept * 4)
    for (let offset = log.first; offset < log.end; offset++) {
      expect(bodyText(log.at(offset))).toBe(String(offset))
      expect(log.offsetAt(offset)).toBe(offset)
    }
    expect(() => log.at(log.first - 1)).toThrow(RangeError)
    expect(() => log.at(log.end)).toThrow(RangeError)
  })

  test('finds the first entry stored at a time or later, also when the wall clock went back', () => {
    const log = partitionLog(0)
    for (const nowMs of [100, 200, 150, 300]) log.append(message('t', ''), nowMs)
    expect([0, 100, 101, 200, 201, 300, 301].map((timeMs) => log.offsetAt(timeMs))).toEqual([0, 0, 1, 1, 3, 3, 4])
    expect(partitionLog(0).offsetAt(5)).toBe(0)
  })
})

test('delays: one timer for all that begin together and wait equally long', async () => {
  const clock = drivenClock()
  const all = delays(clock)
  const ran = vi.fn()
  for (let each = 0; each < 10; each++) all.add(50, () => ran(clock.now()))
  all.add(20, () => ran('short'))
  expect(clock.pending).toBe(2)
  await clock.advance(1)
  all.add(50, () => ran(clock.now()))
  expect(clock.pending).toBe(3)
  await clock.advance(100)
  expect(ran.mock.calls.flat()).toEqual(['short', ...Array.from({ length: 10 }, () => 50), 51])
})

describe('seededRandom', () => {
  test('the same seed gives the same numbers, another one others', () => {
    const draw = (seed: number) => {
      const random = seededRandom(seed)
      return Array.from({ length: 20 }, () => random.next())
    }
    expect(draw(1)).toEqual(draw(1))
    expect(draw(1)).not.toEqual(draw(2))
  })

  test('numbers are spread over their range', () => {
    const random = seededRandom(42)
    const counts = Array.from({ length: 10 }, () => 0)
    for (let each = 0; each < 10_000; each++) {
      const drawn = random.below(10)
      counts[drawn] = elementAt(counts, drawn) + 1
    }
    expect(Math.min(...counts)).toBeGreaterThan(850)
    expect(Math.max(...counts)).toBeLessThan(1_150)
  })
})

test('element: an index that is not there is a fault that is named', () => {
  expect(elementAt(['a', 'b'], 1)).toBe('b')
  expect(() => elementAt(['a'], 1)).toThrow('no element at 1 of 1')
})
