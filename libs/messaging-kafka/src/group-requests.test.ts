import { expect, test } from 'vitest'
import { codes, type KafkaApis } from './apis.ts'
import type { KafkaCluster } from './cluster.ts'
import { groupRequests } from './group-requests.ts'

/** A coordinator that gives each new member an id before it may join. */
const begin = () => {
  const asked: string[] = []
  let generationId = 0
  const answers: Readonly<Record<string, (ask: never) => unknown>> = {
    JoinGroup: ({ memberId }: KafkaApis['JoinGroup']['ask']) =>
      memberId === ''
        ? { errorCode: codes.memberIdRequired, memberId: 'm' }
        : { errorCode: codes.none, memberId, generationId: ++generationId, leaderId: 'm', members: [] },
    Heartbeat: () => ({ errorCode: codes.none }),
    OffsetCommit: ({ topics }: KafkaApis['OffsetCommit']['ask']) => ({
      responses: topics.map(({ topic, partitions }) => ({
        topicName: topic,
        partitions: partitions.map(({ partition }) => ({
          partition,
          errorCode: partition === 0 ? codes.none : codes.illegalGeneration,
        })),
      })),
    }),
    LeaveGroup: () => ({ errorCode: codes.none }),
  }
  const connection = {
    call: async (name: string, ask: { memberId: string; groupGenerationId?: number }) => {
      asked.push([name, ask.memberId, ask.groupGenerationId].filter((each) => each !== undefined).join(' '))
      return answers[name]?.(ask as never)
    },
  }
  const cluster = { settings: { sessionTimeoutMs: 30_000 }, coordinator: () => Promise.resolve(connection) }
  return { asked, requests: groupRequests(cluster as unknown as KafkaCluster, 'g') }
}

test('a new member joins by the id that it is given, and asks by its generation from then on', async () => {
  const { asked, requests } = begin()
  await requests.join(Buffer.of())
  await requests.heartbeat()
  expect(asked).toEqual(['JoinGroup ', 'JoinGroup m', 'Heartbeat m 1'])
})

test('a member that is forgotten is new to the group, and has nothing to leave', async () => {
  const { asked, requests } = begin()
  await requests.join(Buffer.of())
  requests.forget()
  await requests.leave()
  await requests.join(Buffer.of())
  await requests.leave()
  expect(asked.slice(2)).toEqual(['JoinGroup ', 'JoinGroup m', 'LeaveGroup m'])
})

test('a commit rejects where one of its places is not kept', async () => {
  const { requests } = begin()
  await expect(requests.commit([{ topic: 't', partition: 0, offset: 1 }])).resolves.toBeUndefined()
  const places = [0, 1].map((partition) => ({ topic: 't', partition, offset: 1 }))
  await expect(requests.commit(places)).rejects.toThrow('the place of the group g: ')
})
