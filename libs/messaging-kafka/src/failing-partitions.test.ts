import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { newClaim } from './claim.ts'
import { failingPartitions, UndecodableError } from './failing-partitions.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const claimOf = (partition: number) => newClaim({ topic: 't', partition, offset: 0, topicId: undefined }, 't')

const begin = () => {
  const warnings: string[] = []
  return { failing: failingPartitions((problem) => warnings.push(problem)), warnings }
}

test('a partition that fails by itself waits, and no other does', () => {
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
  const { failing } = begin()
  const [bad, other] = [claimOf(0), claimOf(1)]
  failing.failed(bad, new Error('gone'))
  expect([failing.isDue(bad), failing.isDue(other)]).toEqual([false, true])
  vi.advanceTimersByTime(25)
  expect(failing.isDue(bad)).toBe(true)
})

test('a partition that was not read with the others of its broker is due with them', () => {
  const { failing } = begin()
  const claim = claimOf(0)
  failing.notRead(claim, new Error('the broker is away'))
  expect(failing.isDue(claim)).toBe(true)
})

test('a fault is a problem once it has lasted, and none when the partition was read', () => {
  const { failing, warnings } = begin()
  const claim = claimOf(3)
  const fail = () => failing.failed(claim, new Error('no leader'))
  fail()
  vi.advanceTimersByTime(14_999)
  fail()
  expect(failing.problemOf(claim)).toBeUndefined()
  vi.advanceTimersByTime(1)
  fail()
  expect(failing.problemOf(claim)).toBe('t/3: no leader')
  expect(warnings).toEqual(['kafka: fetching from t/3 fails and is tried again: no leader'])
  failing.fine(claim)
  expect([failing.problemOf(claim), failing.isDue(claim)]).toEqual([undefined, true])
})

test('what cannot be decoded is a problem at once, until the partition is let go of', () => {
  const { failing } = begin()
  const claim = claimOf(0)
  failing.failed(claim, new UndecodableError('t/0 from offset 5 on: the checksum is wrong'))
  expect(failing.problemOf(claim)).toBe('t/0 from offset 5 on: the checksum is wrong')
  claim.state = 'over'
  expect(failing.problemOf(claim)).toBeUndefined()
})
