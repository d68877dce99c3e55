import { codes, type KafkaApis } from './apis.ts'
import { encodeAssignment, protocolName } from './assignor.ts'
import { asked, type KafkaCluster } from './cluster.ts'
import { checkCode } from './faults.ts'
import { byTopic, placeMetadata, type TopicOffset, type TopicPartition } from './offsets.ts'

type Answer<Name extends keyof KafkaApis> = Promise<KafkaApis[Name]['answer']>

/**
 * The requests of a member to the coordinator of its group, under the id and the generation that the coordinator gave it
 * (https://cwiki.apache.org/confluence/x/ZoQVAg).
 */
export interface GroupRequests {
  /** Resolves when all members have joined. Rejects with KafkaFault. */
  join(metadata: Buffer): Answer<'JoinGroup'>
  /** Resolves with this member's part of what the leader shares; only the leader gives shares. */
  sync(shares: ReadonlyMap<string, readonly TopicPartition[]>): Answer<'SyncGroup'>
  heartbeat(): Answer<'Heartbeat'>
  /** Keeps the group's place. Rejects with KafkaFault where any of it is not kept. */
  commit(offsets: readonly TopicOffset[]): Promise<void>
  /** Resolves when the coordinator knows that it is gone. */
  leave(): Promise<void>
  /** The next `join` is one of a new member. */
  forget(): void
}

/** How long the group waits for its members to share again. */
const rebalanceTimeoutMs = 60_000

/** As the protocol writes a member that has joined nothing yet. */
const newMember = { memberId: '', generationId: -1 }

/** The requests of a member that the coordinator does not know yet. */
export const groupRequests = (cluster: KafkaCluster, group: string): GroupRequests => {
  let member = newMember
  const coordinator = () => cluster.coordinator(group)
  const place = () => ({ groupId: group, groupGenerationId: member.generationId, memberId: member.memberId })

  const askToJoin = (metadata: Buffer) =>
    asked(cluster.coordinator(group, true), 'JoinGroup', {
      groupId: group,
      memberId: member.memberId,
      sessionTimeout: cluster.settings.sessionTimeoutMs,
      rebalanceTimeout: rebalanceTimeoutMs,
      protocolType: 'consumer',
      groupProtocols: [{ name: protocolName, metadata }],
    })

  return {
    join: async (metadata) => {
      let answer = await askToJoin(metadata)
      if (answer.errorCode === codes.memberIdRequired) {
        member = { ...member, memberId: answer.memberId }
        answer = await askToJoin(metadata)
      }
      checkCode(answer.errorCode, `the group ${group}`)
      member = { memberId: answer.memberId, generationId: answer.generationId }
      return answer
    },
    sync: (shares) =>
      asked(coordinator(), 'SyncGroup', {
        groupId: group,
        ...member,
        groupAssignment: [...shares].map(([memberId, share]) => ({
          memberId,
          memberAssignment: encodeAssignment(share),
        })),
      }),
    heartbeat: () => asked(coordinator(), 'Heartbeat', place()),
    commit: async (offsets) => {
      const answer = await asked(coordinator(), 'OffsetCommit', {
        ...place(),
        topics: byTopic(offsets, ({ partition, offset, topicId }) => ({
          partition,
          offset: String(offset),
          metadata: placeMetadata(topicId),
        })),
      })
      for (const { partitions } of answer.responses) {
        for (const { errorCode } of partitions) checkCode(errorCode, `the place of the group ${group}`)
      }
    },
    leave: async () => {
      const { memberId } = member
      if (memberId !== '') await asked(coordinator(), 'LeaveGroup', { groupId: group, memberId })
    },
    forget: () => {
      member = newMember
    },
  }
}
