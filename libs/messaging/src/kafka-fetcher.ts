// @ts-expect-error kafkajs has no types for its inner modules
import filterAbortedMessages from 'kafkajs/src/consumer/filterAbortedMessages.js'
import { codes, type FetchedPartition, type FetchedRecord } from './kafka-apis.ts'
import { wantsMore, type Claim } from './kafka-claim.ts'
import { asked, type KafkaCluster } from './kafka-cluster.ts'
import { complaint, KafkaFault } from './kafka-faults.ts'
import { byTopic, partitionName } from './kafka-offsets.ts'
import type { KafkaTopics } from './kafka-topics.ts'
import { reconnectDelayMs } from './reconnect.ts'

const withoutAborted = filterAbortedMessages as unknown as (answer: {
  messages: readonly FetchedRecord[]
  abortedTransactions: FetchedPartition['abortedTransactions']
}) => FetchedRecord[]

export interface FetcherParts {
  readonly cluster: KafkaCluster
  readonly topics: KafkaTopics
  readonly warn: (problem: string) => void
  /** Bytes of one answer, about; a larger message still comes. */
  readonly maxBytes: number
  readonly claims: () => Iterable<Claim>
  /** Resolves when there is room for more. */
  readonly room: () => Promise<void>
  /** Takes a record; resolves false where it is not taken, and nothing after it in this partition. */
  readonly take: (record: FetchedRecord, claim: Claim) => Promise<boolean> | boolean
  /** The offset is not kept any more: the claim's next one has to be set. */
  readonly outOfRange: (claim: Claim) => Promise<void>
}

export interface KafkaFetcher {
  /** Claims or their leaders have changed. */
  look(): void
}

/** How long a broker may wait for something to come: as long may pass until a new partition is read. */
const maxWaitMs = 250
const maxPartitionBytes = 1024 * 1024
const blockedWaitMs = 20

/** Fetches what the claims are to read: one loop a broker, one request at a time in each. */
export const kafkaFetcher = (parts: FetcherParts): KafkaFetcher => {
  const { cluster, topics, warn, claims, room, take } = parts
  const loops = new Set<number>()

  const leaderOf = ({ topic, partition }: Claim) => topics.known(topic)?.leaders[partition] ?? -1
  const reading = (leader: number): Claim[] =>
    [...claims()].filter((claim) => claim.state === 'reading' && leaderOf(claim) === leader)

  const give = async (claim: Claim, { messages, abortedTransactions }: FetchedPartition): Promise<void> => {
    const visible = new Set(abortedTransactions?.length ? withoutAborted({ messages, abortedTransactions }) : messages)
    for (const record of messages) {
      const offset = Number(record.offset)
      if (offset < claim.next || record.isControlRecord || !visible.has(record)) continue
      if (claim.state !== 'reading') return
      const taken = take(record, claim)
      if (taken !== true && !(await taken)) return
      claim.next = offset + 1
    }
    const last = messages.at(-1)?.batchContext
    // Offsets that were cleaned away or belong to transactions end a batch, too.
    if (last !== undefined) claim.next = Math.max(claim.next, Number(last.firstOffset) + last.lastOffsetDelta + 1)
  }

  const fetchFrom = async (leader: number, asking: readonly Claim[]) => {
    const answer = await asked(cluster.node(leader), 'Fetch', {
      maxWaitTime: maxWaitMs,
      minBytes: 1,
      maxBytes: parts.maxBytes,
      isolationLevel: 1,
      rackId: '',
      topics: byTopic(asking, ({ partition, next }) => ({
        partition,
        fetchOffset: String(next),
        maxBytes: Math.min(maxPartitionBytes, parts.maxBytes),
      })),
    })
    if (answer.errorCode) throw new KafkaFault(answer.errorCode, 'fetching')
    const claimOf = new Map(asking.map((claim) => [partitionName(claim), claim]))
    let fault: KafkaFault | undefined
    for (const { topicName, partitions } of answer.responses) {
      for (const fetched of partitions) {
        const claim = claimOf.get(partitionName({ topic: topicName, partition: fetched.partition }))
        if (claim === undefined || claim.state !== 'reading') continue
        if (fetched.errorCode === codes.none) await give(claim, fetched)
        else if (fetched.errorCode === codes.offsetOutOfRange) await parts.outOfRange(claim)
        else fault = new KafkaFault(fetched.errorCode, `fetching from ${topicName}`)
      }
    }
    if (fault !== undefined) throw fault
  }

  /** Ends when this broker leads nothing that is read. */
  const loop = async (leader: number) => {
    const trouble = complaint(warn, 'fetching')
    while (!cluster.closed) {
      await room()
      const own = reading(leader)
      if (own.length === 0) break
      const asking = own.filter(wantsMore)
      if (asking.length === 0) {
        await cluster.pause(blockedWaitMs)
        continue
      }
      try {
        await fetchFrom(leader, asking)
        trouble.fine()
      } catch (fault) {
        if (cluster.closed) break
        await cluster.pause(reconnectDelayMs(trouble.failed(fault)))
        await topics.refresh(new Set(asking.map(({ topic }) => topic))).catch(() => undefined)
        look()
      }
    }
  }

  const look = () => {
    if (cluster.closed) return
    for (const leader of new Set([...claims()].filter(({ state }) => state === 'reading').map(leaderOf))) {
      if (loops.has(leader)) continue
      loops.add(leader)
      void loop(leader)
        // Only a closed connection ends it so.
        .catch(() => undefined)
        .finally(() => {
          loops.delete(leader)
          if ([...claims()].some((claim) => claim.state === 'reading' && leaderOf(claim) === leader)) look()
        })
    }
  }

  return { look }
}
