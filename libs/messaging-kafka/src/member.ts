import { codes } from './apis.ts'
import type { KafkaCluster } from './cluster.ts'
import { assign, decodeAssignment, decodeMember, encodeMember, type GroupMemberInfo } from './assignor.ts'
import { checkCode, complaint, isPassing, KafkaFault } from './faults.ts'
import { groupRequests, type GroupRequests } from './group-requests.ts'
import type { TopicOffset, TopicPartition } from './offsets.ts'
import type { KafkaTopics } from './topics.ts'
import { groupSession, type GroupSession } from './session.ts'
import { reconnectDelayMs } from '@armature/async/backoff'

export interface MemberParts {
  readonly cluster: KafkaCluster
  readonly known: KafkaTopics
  readonly group: string
  readonly warn: (problem: string) => void
  /** The topics that it wants to read, by Kafka's names. */
  readonly topics: () => readonly string[]
  /** The partitions that it reads, also those that it is about to give up. */
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

/**
 * `joining`: it has had no share yet. `beating`: it has its share, and the coordinator hears of it. `sharing`: the group shares again.
 * `gone`: it has left, or could not join.
 */
type Phase = 'joining' | 'beating' | 'sharing' | 'gone'

/** The state of a member. */
interface Member extends MemberParts {
  readonly requests: GroupRequests
  readonly session: GroupSession
  readonly beatMs: number
  phase: Phase
  /** Something has changed since it last asked for its share. */
  mustShare: boolean
  /** Ends the wait for the next heartbeat. */
  wake: (() => void) | undefined
  running: Promise<void> | undefined
}

const heartbeatMs = 500

/** The member's part of Kafka's group protocol (https://cwiki.apache.org/confluence/x/ZoQVAg). */
export const kafkaMember = (parts: MemberParts): KafkaMember => {
  const { cluster, group } = parts
  const { sessionTimeoutMs } = cluster.settings
  const member: Member = {
    ...parts,
    requests: groupRequests(cluster, group),
    session: groupSession(sessionTimeoutMs, () => outOfSession(member)),
    beatMs: Math.min(heartbeatMs, sessionTimeoutMs / 3),
    phase: 'joining',
    mustShare: false,
    wake: undefined,
    running: undefined,
  }
  return {
    join: () => {
      const first = Promise.withResolvers<void>()
      member.running = run(member, first)
      return first.promise
    },
    get holds() {
      return member.session.holds
    },
    rejoin: () => rejoin(member),
    commit: (offsets) => member.requests.commit(offsets),
    leave: async () => {
      member.phase = 'gone'
      member.session.end()
      member.wake?.()
      await member.requests.leave()
      await member.running
    },
  }
}

const isIn = (member: Member, phase: Phase): boolean => member.phase === phase

/** A member that is gone stays so. */
const enter = (member: Member, phase: 'beating' | 'sharing'): void => {
  if (!isIn(member, 'gone')) member.phase = phase
}

/** Asks for its share, beats until the group shares again, and so on until it is gone. `first` settles with the first share. */
const run = async (member: Member, first: { resolve(): void; reject(error: unknown): void }): Promise<void> => {
  const { cluster } = member
  const trouble = complaint(member.warn, `the membership in the group ${member.group}`)
  while (!isIn(member, 'gone')) {
    try {
      if (isIn(member, 'beating')) {
        await beat(member)
        enter(member, 'sharing')
      } else {
        await share(member)
        trouble.fine()
        first.resolve()
        enter(member, 'beating')
      }
    } catch (fault) {
      if (isIn(member, 'gone') || cluster.closed) break
      // Its coordinator may be another broker by now: to join asks for it anew.
      if (isIn(member, 'beating')) enter(member, 'sharing')
      if (recovered(member, fault)) continue
      if (isIn(member, 'joining') && !isPassing(fault)) {
        member.phase = 'gone'
        first.reject(fault)
        return
      }
      await cluster.pause(reconnectDelayMs(trouble.failed(fault))).catch(() => undefined)
    }
  }
  first.reject(new Error('the subscription is closed'))
}

const share = async (member: Member): Promise<void> => {
  const { session } = member
  member.mustShare = false
  await member.assigned(await session.putOff(() => joinAndSync(member)))
  // The places that it asked for meanwhile may be old.
  if (!session.holds) outOfSession(member)
}

/** Resolves with this member's part of what the group shares. */
const joinAndSync = async (member: Member): Promise<readonly TopicPartition[]> => {
  const { requests, session, topics, owned } = member
  const joined = await requests.join(encodeMember(topics(), owned()))
  const isLeader = joined.leaderId === joined.memberId
  const members = isLeader ? joined.members.map((each) => decodeMember(each.memberId, each.memberMetadata)) : []
  const shares = await sharesOf(members, member.known)
  const synced = await session.keep(
    () => requests.sync(shares),
    ({ errorCode }) => errorCode === codes.none,
  )
  checkCode(synced.errorCode, `the group ${member.group}`)
  return decodeAssignment(synced.memberAssignment)
}

/** The assignment of partitions to members, as the topics are now. */
const sharesOf = async (members: readonly GroupMemberInfo[], known: KafkaTopics) => {
  await known.refresh(new Set(members.flatMap(({ topics }) => topics)))
  return assign(members, (topic) => known.known(topic)?.leaders.length ?? 0)
}

/** Resolves when the group shares again. */
const beat = async (member: Member): Promise<void> => {
  const { cluster, requests, session } = member
  const isDone = () => isIn(member, 'gone') || member.mustShare
  while (!isDone()) {
    const woken = new Promise<void>((resolve) => (member.wake = resolve))
    await Promise.race([woken, cluster.pause(member.beatMs)])
    if (isDone()) return
    const { errorCode } = await session.keep(
      () => requests.heartbeat(),
      (answer) => answer.errorCode === codes.none || answer.errorCode === codes.rebalanceInProgress,
    )
    if (errorCode === codes.rebalanceInProgress) return
    checkCode(errorCode, `the group ${member.group}`)
  }
}

/** Whether the fault tells the member what to do: to share again, as a new member where the group does not know it any more. */
const recovered = (member: Member, fault: unknown): boolean => {
  const code = fault instanceof KafkaFault ? fault.code : undefined
  if (code === codes.rebalanceInProgress) return true
  if (code !== codes.unknownMember && code !== codes.illegalGeneration) return false
  forget(member)
  return true
}

const forget = ({ requests, session, lost }: Member): void => {
  requests.forget()
  session.end()
  lost()
}

/** The coordinator may know it still once it is reached again: it has to be told then that nothing is owned. */
const outOfSession = (member: Member): void => {
  member.lost()
  rejoin(member)
}

const rejoin = (member: Member): void => {
  member.mustShare = true
  member.wake?.()
}
