import { codes } from './kafka-apis.ts'
import { wantsMore, type Claim } from './kafka-claim.ts'
import { asked, type KafkaCluster } from './kafka-cluster.ts'
import { complaint, KafkaFault } from './kafka-faults.ts'
import type { FetchedPartition, FetchedRecord } from './kafka-fetched.ts'
import { byTopic, partitionName } from './kafka-offsets.ts'
import type { KafkaTopics } from './kafka-topics.ts'
import { reconnectDelayMs } from './reconnect.ts'

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

  const give = async (claim: Claim, { records, next, problem }: FetchedPartition): Promise<void> => {
    for (const record of records) {
      if (record.offset < claim.next) continue
      if (claim.state !== 'reading') return
      const taken = take(record, claim)
      if (taken !== true && !(await taken)) return
      claim.next = record.offset + 1
    }
    // Offsets that were cleaned away or belong to transactions end a batch, too.
    if (next !== undefined) claim.next = Math.max(claim.next, next)
    if (problem !== undefined)
      throw new Error(`${partitionName(claim)} from offset ${claim.next} on: ${problem.message}`)
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
    if (answer.errorCode !== codes.none) throw new KafkaFault(answer.errorCode, 'fetching')
    const claimOf = new Map(asking.map((claim) => [partitionName(claim), claim]))
    let fault: Error | undefined
    for (const fetched of answer.partitions) {
      const claim = claimOf.get(partitionName(fetched))
      if (claim === undefined || claim.state !== 'reading') continue
      try {
        if (fetched.errorCode === codes.none) await give(claim, fetched)
        else if (fetched.errorCode === codes.offsetOutOfRange) await parts.outOfRange(claim)
        else throw new KafkaFault(fetched.errorCode, `fetching from ${fetched.topic}`)
      } catch (error) {
        // The other partitions came all the same.
        fault = error as Error
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
