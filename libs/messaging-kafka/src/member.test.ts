import { AssignerProtocol } from 'kafkajs'
import { afterEach, expect, test, vi } from 'vitest'
import { codes } from './apis.ts'
import { decodeMember } from './assignor.ts'
import type { KafkaCluster } from './cluster.ts'
import { kafkaMember, type KafkaMember } from './member.ts'
import type { TopicPartition } from './offsets.ts'
import type { KafkaTopics } from './topics.ts'

let members: KafkaMember[] = []
afterEach(async () => {
  await Promise.all(members.map((member) => member.leave()))
  members = []
})

/** A member of a group whose coordinator answers heartbeats as the test says. */
const joining = (heartbeat: () => Promise<{ errorCode: number }>, sessionTimeoutMs = 60_000) => {
  const told: string[] = []
  let owned: readonly TopicPartition[] = []
  let generation = 0
  const answers: Readonly<Record<string, (ask: never) => unknown>> = {
    JoinGroup: ({ memberId, groupProtocols }: { memberId: string; groupProtocols: [{ metadata: Buffer }] }) => {
      const { owned: reads } = decodeMember('', groupProtocols[0].metadata)
      told.push(`joins as ${memberId || 'a new one'}, reads ${reads.length}`)
      generation++
      return { errorCode: 0, generationId: generation, leaderId: 'other', memberId: 'm', members: [] }
    },
    SyncGroup: () => ({
      errorCode: 0,
      memberAssignment: AssignerProtocol.MemberAssignment.encode({
        version: 1,
        assignment: { t: [0] },
        userData: Buffer.of(),
      }),
    }),
    Heartbeat: heartbeat,
    LeaveGroup: () => ({ errorCode: 0 }),
  }
  const connection = { call: async (name: string, ask: never) => answers[name]?.(ask) }
  const member = kafkaMember({
    cluster: {
      settings: { sessionTimeoutMs },
      coordinator: () => Promise.resolve(connection),
      pause: () => new Promise<void>((resolve) => setImmediate(resolve)),
      closed: false,
    } as unknown as KafkaCluster,
    known: { known: () => undefined, refresh: () => Promise.resolve() } as unknown as KafkaTopics,
    group: 'g',
    warn: () => undefined,
    topics: () => ['t'],
    owned: () => owned,
    assigned: async (partitions) => {
      owned = partitions
      told.push(`is given ${partitions.length}`)
    },
    lost: () => {
      owned = []
      told.push('lost')
    },
  })
  members.push(member)
  return { member, told }
}

test.each([
  ['bug: a member that lost its generation kept its partitions', codes.illegalGeneration],
  ['a member that the group does not know any more has lost its partitions', codes.unknownMember],
])('%s', async (_, errorCode) => {
  let beats = 0
  const { member, told } = joining(async () => ({ errorCode: beats++ === 0 ? errorCode : codes.none }))
  await member.join()
  await vi.waitFor(() => expect(told).toHaveLength(5))
  expect(told).toEqual([
    'joins as a new one, reads 0',
    'is given 1',
    'lost',
    'joins as a new one, reads 0',
    'is given 1',
  ])
})

test('a member keeps its partitions while the group shares again', async () => {
  let beats = 0
  const { member, told } = joining(async () => ({ errorCode: beats++ === 0 ? codes.rebalanceInProgress : codes.none }))
  await member.join()
  await vi.waitFor(() => expect(told).toHaveLength(4))
  expect(told.slice(2)).toEqual(['joins as m, reads 1', 'is given 1'])
})

test('bug: a member whose coordinator does not answer kept its partitions: it loses them after a session, and joins again', async () => {
  let answer: (() => void) | undefined
  let beats = 0
  const { member, told } = joining(async () => {
    if (beats++ === 0) await new Promise<void>((resolve) => (answer = resolve))
    return { errorCode: codes.none }
  }, 200)
  await member.join()
  expect(member.holds).toBe(true)
  await vi.waitFor(() => expect(told).toContain('lost'))
  expect(member.holds).toBe(false)
  answer?.()
  await vi.waitFor(() => expect(told).toHaveLength(5))
  expect(told.slice(2)).toEqual(['lost', 'joins as m, reads 0', 'is given 1'])
  expect(member.holds).toBe(true)
})
