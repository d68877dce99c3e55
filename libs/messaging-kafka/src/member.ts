import { codes } from './apis.ts'
import { asked, type KafkaCluster } from './cluster.ts'
import { assign, decodeAssignment, decodeMember, encodeAssignment, encodeMember, protocolName } from './assignor.ts'
import { checkCode, complaint, isPassing, KafkaFault } from './faults.ts'
import { byTopic, placeMetadata, type TopicOffset, type TopicPartition } from './offsets.ts'
import type { KafkaTopics } from './topics.ts'
import { groupSession } from './session.ts'
import { reconnectDelayMs } from '@armature/async/backoff'

export interface MemberParts {
  readonly cluster: KafkaCluster
  readonly known: KafkaTopics
  readonly group: string
  readonly warn: (problem: string) => void
  /** What it wants to read, by Kafka's names. */
  readonly topics: () => readonly string[]
  /** What it reads, also what it is about to let go of. */
  readonly owned: () => readonly TopicPartition[]
  /** It may read these from now on and has to let go of all else, then call `rejoin`. */
  readonly assigned: (partitions: readonly TopicPartition[]) => Promise<void>
  /** All it read may be another's already: it fetches and handles nothing more of it, and lets go of what it holds. */
  readonly lost: () => void
}

/** One member of a group. */
export interface KafkaMember {
  /** Resolves when it has its first share. Rejects with what will not pass. */
  join(): Promise<void>
  /** Whether what it was assigned is its own beyond doubt. It handles nothing new while not. */
  readonly holds: boolean
  /** The group shares again, soon: what this member wants or reads has changed. */
  rejoin(): void
  /** The group's place; rejects when it is not kept, as when the member is one no more. */
  commit(offsets: readonly TopicOffset[]): Promise<void>
  /** Resolves when the group knows that it is gone. */
  leave(): Promise<void>
}

const heartbeatMs = 500
/** How long the group waits for its members to share again. */
const rebalanceTimeoutMs = 60_000

/** The member's part of Kafka's group protocol (https://cwiki.apache.org/confluence/x/ZoQVAg). */
export const kafkaMember = (parts: MemberParts): KafkaMember => {
  const { cluster, known, group, warn, topics, owned } = parts
  const { sessionTimeoutMs } = cluster.settings
  const beatMs = Math.min(heartbeatMs, sessionTimeoutMs / 3)
  const what = `the group ${group}`
  let memberId = ''
  let generationId = -1
  let gone = false
  let wanted = false
  let wake: (() => void) | undefined
  let running: Promise<void> | undefined

  /** The coordinator may know it still once it is reached again: it has to be told then that nothing is owned. */
  const outOfSession = () => {
    parts.lost()
    rejoin()
  }
  const session = groupSession(sessionTimeoutMs, outOfSession)

  const rejoin = () => {
    wanted = true
    wake?.()
  }

  const forget = () => {
    memberId = ''
    generationId = -1
    session.end()
    parts.lost()
  }

  const joinGroup = async () => {
    const ask = () =>
      asked(cluster.coordinator(group, true), 'JoinGroup', {
        groupId: group,
        memberId,
        sessionTimeout: sessionTimeoutMs,
        rebalanceTimeout: rebalanceTimeoutMs,
        protocolType: 'consumer',
        groupProtocols: [{ name: protocolName, metadata: encodeMember(topics(), owned()) }],
      })
    let answer = await ask()
    if (answer.errorCode === codes.memberIdRequired) {
      memberId = answer.memberId
      answer = await ask()
    }
    checkCode(answer.errorCode, what)
    return answer
  }

  /** Resolves with this member's part of what the group shares. */
  const joinAndSync = async (): Promise<readonly TopicPartition[]> => {
    const joined = await joinGroup()
    memberId = joined.memberId
    generationId = joined.generationId
    const isLeader = joined.leaderId === memberId
    const members = isLeader ? joined.members.map((each) => decodeMember(each.memberId, each.memberMetadata)) : []
    if (isLeader) await known.refresh(new Set(members.flatMap((member) => member.topics)))
    const shares = assign(members, (topic) => known.known(topic)?.leaders.length ?? 0)
    const synced = await session.keep(
      () =>
        asked(cluster.coordinator(group), 'SyncGroup', {
          groupId: group,
          generationId,
          memberId,
          groupAssignment: [...shares].map(([id, of]) => ({ memberId: id, memberAssignment: encodeAssignment(of) })),
        }),
      ({ errorCode }) => errorCode === codes.none,
    )
    checkCode(synced.errorCode, what)
    return decodeAssignment(synced.memberAssignment)
  }

  const share = async () => {
    wanted = false
    await parts.assigned(await session.putOff(joinAndSync))
    // The places that it asked for meanwhile may be old.
    if (!session.holds) outOfSession()
  }

  /** Resolves when the group shares again. */
  const beat = async () => {
    while (!gone && !wanted) {
      const woken = new Promise<void>((resolve) => (wake = resolve))
      await Promise.race([woken, cluster.pause(beatMs)])
      if (gone || wanted) return
      const answer = await session.keep(
        () =>
          asked(cluster.coordinator(group), 'Heartbeat', { groupId: group, groupGenerationId: generationId, memberId }),
        ({ errorCode }) => errorCode === codes.none || errorCode === codes.rebalanceInProgress,
      )
      if (answer.errorCode === codes.rebalanceInProgress) return
      checkCode(answer.errorCode, what)
    }
  }

  const recovered = (fault: unknown): boolean => {
    const code = fault instanceof KafkaFault ? fault.code : undefined
    if (code === codes.rebalanceInProgress) return true
    if (code !== codes.unknownMember && code !== codes.illegalGeneration) return false
    forget()
    return true
  }

  const run = async (first: { resolve(): void; reject(error: unknown): void }) => {
    let joined = false
    const trouble = complaint(warn, `the membership in ${what}`)
    let phase = share
    while (!gone) {
      try {
        await phase()
        if (phase === share) {
          trouble.fine()
          joined = true
          first.resolve()
        }
        phase = phase === share ? beat : share
      } catch (fault) {
        if (gone || cluster.closed) break
        if (recovered(fault)) {
          phase = share
          continue
        }
        if (!joined && !isPassing(fault)) {
          gone = true
          first.reject(fault)
          return
        }
        // Its coordinator may be another broker by now.
        phase = share
        await cluster.pause(reconnectDelayMs(trouble.failed(fault))).catch(() => undefined)
      }
    }
    first.reject(new Error('the subscription is closed'))
  }

  return {
    join: () => {
      const first = Promise.withResolvers<void>()
      running = run(first)
      return first.promise
    },
    get holds() {
      return session.holds
    },
    rejoin,
    commit: async (offsets) => {
      const answer = await asked(cluster.coordinator(group), 'OffsetCommit', {
        groupId: group,
        groupGenerationId: generationId,
        memberId,
        topics: byTopic(offsets, ({ partition, offset, topicId }) => ({
          partition,
          offset: String(offset),
          metadata: placeMetadata(topicId),
        })),
      })
      for (const { partitions } of answer.responses) {
        for (const { errorCode } of partitions) checkCode(errorCode, `the place of ${what}`)
      }
    },
    leave: async () => {
      gone = true
      session.end()
      wake?.()
      if (memberId !== '') await asked(cluster.coordinator(group), 'LeaveGroup', { groupId: group, memberId })
      await running
    },
  }
}
