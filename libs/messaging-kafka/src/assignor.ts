import { AssignerProtocol } from 'kafkajs'
import { partitionName, type TopicPartition } from './offsets.ts'

/**
 * How the members of a group share its partitions, by the rules of Kafka's cooperative protocol
 * (https://cwiki.apache.org/confluence/x/vAclBg): a member keeps what it has, and what has to move goes in two steps, so that nobody
 * reads it before its old owner has let go of it.
 */
export const protocolName = 'armature-cooperative'

const version = 1

/** The metadata that a member gives the group: its topics, and the partitions that it reads. */
export const encodeMember = (topics: readonly string[], owned: readonly TopicPartition[]): Buffer =>
  AssignerProtocol.MemberMetadata.encode({
    version,
    topics: [...topics],
    userData: Buffer.from(JSON.stringify(owned.map(({ topic, partition }) => [topic, partition]))),
  })

export interface GroupMemberInfo {
  readonly memberId: string
  readonly topics: readonly string[]
  readonly owned: readonly TopicPartition[]
}

/** The inverse. What a member of another make says it reads is left out. */
export const decodeMember = (memberId: string, metadata: Buffer): GroupMemberInfo => {
  const { topics, userData } = AssignerProtocol.MemberMetadata.decode(metadata) ?? { topics: [], userData: Buffer.of() }
  return { memberId, topics, owned: ownedIn(userData) }
}

const ownedIn = (userData: Buffer): TopicPartition[] => {
  try {
    const pairs = JSON.parse(userData.toString()) as [string, number][]
    return pairs.map(([topic, partition]) => ({ topic, partition }))
  } catch {
    return []
  }
}

/** The partitions that a member is to read. */
export const encodeAssignment = (partitions: readonly TopicPartition[]): Buffer => {
  const assignment: Record<string, number[]> = {}
  for (const { topic, partition } of partitions) (assignment[topic] ??= []).push(partition)
  return AssignerProtocol.MemberAssignment.encode({ version, assignment, userData: Buffer.of() })
}

/** The inverse; none where the answer is empty. */
export const decodeAssignment = (encoded: Buffer): TopicPartition[] => {
  if (encoded.length === 0) return []
  const assignment = AssignerProtocol.MemberAssignment.decode(encoded)?.assignment ?? {}
  return Object.entries(assignment).flatMap(([topic, partitions]) =>
    partitions.map((partition) => ({ topic, partition })),
  )
}

/**
 * Assigns partitions to members, by member id. Loads differ by one at most if all members read the same topics, and as few partitions move
 * as that takes. A partition that moves belongs to nobody until its owner has let go of it and the group shares again.
 */
export const assign = (
  members: readonly GroupMemberInfo[],
  partitionsOf: (topic: string) => number,
): Map<string, TopicPartition[]> => {
  const loads = new Map(members.map((member) => [member.memberId, new Map<string, TopicPartition>()]))
  const owners = new Map<string, string>()
  const wants = (member: GroupMemberInfo, topic: string) => member.topics.includes(topic)
  const load = ({ memberId }: GroupMemberInfo) => loads.get(memberId)?.size ?? 0
  const least = (topic: string): GroupMemberInfo | undefined =>
    members.filter((member) => wants(member, topic)).sort((a, b) => load(a) - load(b))[0]
  const give = (member: GroupMemberInfo, place: TopicPartition) =>
    loads.get(member.memberId)?.set(partitionName(place), place)

  for (const member of members) {
    for (const place of member.owned) {
      const name = partitionName(place)
      if (owners.has(name) || place.partition >= partitionsOf(place.topic) || !wants(member, place.topic)) continue
      owners.set(name, member.memberId)
      give(member, place)
    }
  }
  for (const topic of [...new Set(members.flatMap((member) => member.topics))].sort()) {
    for (let partition = 0; partition < partitionsOf(topic); partition++) {
      const place = { topic, partition }
      const member = owners.has(partitionName(place)) ? undefined : least(topic)
      if (member !== undefined) give(member, place)
    }
  }
  for (let moved = true; moved;) {
    moved = false
    for (const giver of [...members].sort((a, b) => load(b) - load(a))) {
      for (const [name, place] of loads.get(giver.memberId) ?? []) {
        const taker = least(place.topic)
        if (taker === undefined || load(giver) - load(taker) < 2) continue
        loads.get(giver.memberId)?.delete(name)
        give(taker, place)
        moved = true
      }
    }
  }
  return new Map(
    members.map(({ memberId }) => [
      memberId,
      [...(loads.get(memberId) ?? new Map<string, TopicPartition>())]
        .filter(([name]) => (owners.get(name) ?? memberId) === memberId)
        .map(([, place]) => place),
    ]),
  )
}
