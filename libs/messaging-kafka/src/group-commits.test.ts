import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { FetchedRecord } from './fetched.ts'
import { arrivalOf } from './claim.ts'
import { claimSet } from './claim-set.ts'
import { groupCommits } from './group-commits.ts'
import type { TopicOffset } from './offsets.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const recordAt = (offset: number): FetchedRecord => ({
  offset,
  timestamp: 0,
  key: null,
  value: null,
  headers: { data: Buffer.of(0), at: 0 },
})

/** A group that keeps places where `keeps` says so, and a subscription that reads two partitions. */
const begin = (keeps: () => boolean = () => true) => {
  const kept: string[] = []
  const commit = async (places: readonly TopicOffset[]) => {
    if (!keeps()) throw new Error('no coordinator')
    kept.push(places.map(({ partition, offset }) => `${partition}: ${offset}`).join(', '))
  }
  const claims = claimSet(() => undefined)
  for (const partition of [0, 1]) claims.begin({ topic: 't', partition, offset: 0 })
  const commits = groupCommits({ claims, commit })
  const handled = (partition: number, offset: number) => {
    const [claim] = claims.all().filter((each) => each.partition === partition)
    if (claim === undefined) throw new Error(`partition ${partition} is not claimed`)
    arrivalOf(recordAt(offset), claim, commits.soon).ack()
    claim.next = offset + 1
  }
  return { claims, commits, handled, kept }
}

test('what is acknowledged within 250 ms is committed at once, and nothing where nothing is new', async () => {
  const { commits, handled, kept } = begin()
  handled(0, 0)
  handled(1, 0)
  handled(1, 1)
  await vi.advanceTimersByTimeAsync(249)
  expect(kept).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  expect(kept).toEqual(['0: 1, 1: 2'])
  await commits.now()
  expect(kept).toHaveLength(1)
})

test('what was not kept is kept by the next commit', async () => {
  let isReached = false
  const { commits, handled, kept } = begin(() => isReached)
  handled(0, 0)
  await vi.advanceTimersByTimeAsync(250)
  await expect(commits.now()).rejects.toThrow('no coordinator')
  isReached = true
  handled(1, 0)
  await vi.advanceTimersByTimeAsync(250)
  expect(kept).toEqual(['0: 1, 1: 1'])
})

test('nothing is committed of a partition that was let go of, nor after cancel', async () => {
  const { claims, commits, handled, kept } = begin()
  handled(0, 0)
  for (const claim of claims.all()) if (claim.partition === 0) claims.letGo(claim)
  await commits.now()
  expect(kept).toEqual([])
  handled(1, 0)
  commits.cancel()
  await vi.advanceTimersByTimeAsync(1_000)
  expect(kept).toEqual([])
})
