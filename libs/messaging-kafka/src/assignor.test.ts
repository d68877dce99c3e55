import { expect, test } from 'vitest'
import {
  assign,
  decodeAssignment,
  decodeMember,
  encodeAssignment,
  encodeMember,
  type GroupMemberInfo,
} from './assignor.ts'
import { partitionName, type TopicPartition } from './offsets.ts'
import { seededRandom } from '@armature/async/random'

const of = (topic: string, ...partitions: number[]): TopicPartition[] =>
  partitions.map((partition) => ({ topic, partition }))
const member = (memberId: string, topics: string[], owned: TopicPartition[] = []): GroupMemberInfo => ({
  memberId,
  topics,
  owned,
})
const eight = () => 8
const sizes = (shares: ReadonlyMap<string, readonly TopicPartition[]>) =>
  [...shares.values()].map(({ length }) => length)

/** Rounds until nothing moves any more, as members let go of what they are not given. */
const settled = (members: readonly GroupMemberInfo[], partitionsOf: (topic: string) => number) => {
  let [now, rounds] = [members, 0]
  for (; rounds < 5; rounds++) {
    const shares = assign(now, partitionsOf)
    const next = now.map((each) => ({ ...each, owned: shares.get(each.memberId) ?? [] }))
    const same = next.every((each, at) => names(each.owned) === names(now[at]?.owned ?? []))
    now = next
    if (same) break
  }
  return { members: now, rounds }
}
const names = (places: readonly TopicPartition[]) => places.map(partitionName).sort().join()

test('one member gets everything', () => {
  expect(sizes(assign([member('a', ['t'])], eight))).toEqual([8])
})

test('new members share evenly', () => {
  expect(sizes(assign([member('a', ['t']), member('b', ['t']), member('c', ['t'])], eight)).sort()).toEqual([2, 3, 3])
})

test('what moves is nobody`s until its owner has let go of it', () => {
  const members = [member('a', ['t'], of('t', 0, 1, 2, 3, 4, 5, 6, 7)), member('b', ['t'])]
  const first = assign(members, eight)
  expect(sizes(first)).toEqual([4, 0])
  const kept = first.get('a') ?? []
  const second = assign([member('a', ['t'], kept), member('b', ['t'])], eight)
  expect(second.get('a')).toEqual(kept)
  expect(second.get('b')).toHaveLength(4)
})

test('nothing moves while the share is even', () => {
  const members = [member('a', ['t'], of('t', 0, 3, 5)), member('b', ['t'], of('t', 1, 2, 4))]
  const shares = assign(members, () => 6)
  expect(shares.get('a')).toEqual(of('t', 0, 3, 5))
  expect(shares.get('b')).toEqual(of('t', 1, 2, 4))
})

test('two that say they own the same do not both keep it', () => {
  const shares = assign([member('a', ['t'], of('t', 0)), member('b', ['t'], of('t', 0))], () => 1)
  expect(sizes(shares)).toEqual([1, 0])
})

test('a member gets nothing of a topic that it does not want, nor partitions that are not there', () => {
  const shares = assign([member('a', ['t'], of('u', 0)), member('b', ['u'], of('u', 9))], () => 2)
  expect(shares.get('a')).toEqual(of('t', 0, 1))
  // Partition 0 is free at once: its owner does not want it.
  expect(shares.get('b')).toEqual(of('u', 0, 1))
})

test('from any start each partition has one owner after a few rounds, and loads are even', () => {
  const random = seededRandom(7)
  const below = (limit: number) => random.below(limit)
  for (let round = 0; round < 200; round++) {
    const partitions = 1 + below(12)
    const members = Array.from({ length: 1 + below(5) }, (_, index) =>
      member(`m${index}`, ['t', 'u'], [...of('t', below(12), below(12)), ...of('u', below(12))]),
    )
    const { members: end, rounds } = settled(members, () => partitions)
    expect(rounds).toBeLessThan(4)
    const all = end.flatMap(({ owned }) => owned.map(partitionName))
    expect(all).toHaveLength(2 * partitions)
    expect(new Set(all).size).toBe(2 * partitions)
    const loads = end.map(({ owned }) => owned.length)
    expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1)
  }
})

test('members and shares survive the wire, and those of other makes do no harm', () => {
  const owned = of('t.žluť', 0, 5)
  expect(decodeMember('m', encodeMember(['t.žluť', 'u'], owned))).toEqual(member('m', ['t.žluť', 'u'], owned))
  expect(decodeAssignment(encodeAssignment(owned))).toEqual(owned)
  expect(decodeAssignment(Buffer.of())).toEqual([])
})
