import type { Assignment, AssignmentParts } from './assignment.ts'
import type { Claim } from './claim.ts'
import type { KafkaCluster } from './cluster.ts'
import { groupCommits } from './group-commits.ts'
import { kafkaMember } from './member.ts'
import { partitionName, type TopicPartition } from './offsets.ts'
import type { KafkaTopics } from './topics.ts'

export interface GroupAssignmentParts extends AssignmentParts {
  readonly cluster: KafkaCluster
  readonly topics: KafkaTopics
  readonly group: string
  readonly warn: (problem: string) => void
}

/** How long a partition that moves waits for its unsettled messages. */
const drainWaitMs = 30_000
const drainCheckMs = 5

/** Claims what the group gives to its member, and keeps the group's place there. */
export const groupAssignment = (parts: GroupAssignmentParts): Assignment => {
  const { cluster, topics, claims, places, watched, isOpen, look } = parts
  let handingOver: Promise<void> = Promise.resolve()

  /** Unsettled messages settle here, then the partitions are another member's. */
  const handOver = async (leaving: readonly Claim[]) => {
    for (const each of leaving) each.state = 'draining'
    const unsettled = () =>
      leaving.some((each) => each.state === 'draining' && each.tracker.unfinished(each.partition) > 0)
    const untilMs = performance.now() + drainWaitMs
    while (unsettled() && performance.now() < untilMs && isOpen()) await cluster.pause(drainCheckMs)
    await commits.now().catch(() => undefined)
    for (const each of leaving) if (each.state === 'draining') claims.letGo(each)
    member.rejoin()
  }

  const takeOver = async (gained: readonly TopicPartition[]) => {
    await topics.refresh(new Set(gained.map(({ topic }) => topic)))
    const { all, fresh } = await places.ofGroup(gained)
    if (fresh.length > 0) await member.commit(fresh)
    all.forEach(claims.begin)
  }

  const assigned = async (share: readonly TopicPartition[]) => {
    const mine = new Set(share.map(partitionName))
    const isMine = (claim: Claim) => mine.has(partitionName(claim))
    const leaving = claims.all().filter((each) => each.state === 'reading' && !isMine(each))
    for (const each of claims.all()) if (isMine(each)) each.state = 'reading'
    const gained = share.filter((place) => !claims.has(place))
    if (leaving.length > 0) handingOver = handOver(leaving).catch(() => undefined)
    if (gained.length > 0) await takeOver(gained)
    look()
  }

  const member = kafkaMember({
    ...{ cluster, group: parts.group, warn: parts.warn, assigned },
    known: topics,
    topics: watched.names,
    owned: claims.all,
    lost: claims.letGoOfAll,
  })
  const commits = groupCommits({ claims, commit: member.commit })

  return {
    begin: () => member.join(),
    topicsChanged: () => member.rejoin(),
    get isOutOfTouch() {
      return isOpen() && !member.holds
    },
    acked: () => commits.soon(),
    leave: async () => {
      commits.cancel()
      await commits.now().catch(() => undefined)
      await member.leave()
    },
    handedOver: () => handingOver,
    end: () => commits.cancel(),
  }
}
