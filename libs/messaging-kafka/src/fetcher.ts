import { codes } from './apis.ts'
import { wantsMore, type Claim } from './claim.ts'
import type { KafkaCluster } from './cluster.ts'
import { failingPartitions, UndecodableError, type FailingPartitions } from './failing-partitions.ts'
import { complaint, KafkaFault } from './faults.ts'
import { fetchFrom, type Fetched, type FetchPlace } from './fetch-request.ts'
import type { FetchedPartition, FetchedRecord } from './fetched.ts'
import { partitionName } from './offsets.ts'
import type { KafkaTopics } from './topics.ts'
import { reconnectDelayMs } from '@armature/async/backoff'

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
  /** The partitions whose next batch cannot be decoded, or that have failed for a while, each with the reason. */
  unreadable(): readonly string[]
}

/** The state of a fetcher. */
interface Fetcher extends FetcherParts {
  readonly failing: FailingPartitions
  /** The brokers that a loop reads from. */
  readonly leaders: Set<number>
}

const blockedWaitMs = 20

/** Fetches what the claims are to read: one loop a broker, one request at a time in each, one answer ahead of what is handed out. */
export const kafkaFetcher = (parts: FetcherParts): KafkaFetcher => {
  const fetcher: Fetcher = { ...parts, failing: failingPartitions(parts.warn), leaders: new Set() }
  return {
    look: () => look(fetcher),
    unreadable: () => [...parts.claims()].flatMap((claim) => fetcher.failing.problemOf(claim) ?? []),
  }
}

const leaderOf = ({ topics }: Fetcher, { topic, partition }: Claim): number =>
  topics.known(topic)?.leaders[partition] ?? -1

const reading = ({ claims }: Fetcher): Claim[] => [...claims()].filter(({ state }) => state === 'reading')

const readingFrom = (fetcher: Fetcher, leader: number): Claim[] =>
  reading(fetcher).filter((claim) => leaderOf(fetcher, claim) === leader)

/** Begins the loops that are missing. */
const look = (fetcher: Fetcher): void => {
  const { cluster, leaders } = fetcher
  if (cluster.closed) return
  for (const leader of new Set(reading(fetcher).map((claim) => leaderOf(fetcher, claim)))) {
    if (leaders.has(leader)) continue
    leaders.add(leader)
    void loop(fetcher, leader)
      // Only a closed connection ends it so.
      .catch(() => undefined)
      .finally(() => {
        leaders.delete(leader)
        if (readingFrom(fetcher, leader).length > 0) look(fetcher)
      })
  }
}

/** Ends when this broker leads nothing that is read. */
const loop = async (fetcher: Fetcher, leader: number): Promise<void> => {
  const { cluster, room, failing } = fetcher
  const trouble = complaint(fetcher.warn, 'fetching')
  const fetch = (places: readonly FetchPlace[]) => fetchFrom(cluster.node(leader), places, fetcher.maxBytes)
  let ahead: Promise<readonly Fetched[]> | undefined
  while (!cluster.closed) {
    await room()
    const own = readingFrom(fetcher, leader)
    if (own.length === 0) break
    try {
      const places = ahead === undefined ? placesOf(fetcher, own) : []
      if (ahead === undefined && places.length === 0) {
        await cluster.pause(blockedWaitMs)
        continue
      }
      const answer = await (ahead ?? fetch(places))
      ahead = undefined
      if (answer.some(({ partition }) => partition.records.length > 0)) {
        // The broker reads on while this is handed out.
        const next = placesOf(fetcher, readingFrom(fetcher, leader), answer)
        if (next.length > 0) ahead = fetch(next)
        ahead?.catch(() => undefined)
      }
      await handOut(fetcher, answer)
      trouble.fine()
    } catch (fault) {
      if (cluster.closed) break
      ahead = undefined
      for (const claim of own) failing.notRead(claim, fault)
      await cluster.pause(reconnectDelayMs(trouble.failed(fault)))
      await lookAnew(fetcher, new Set(own.map(({ topic }) => topic)))
    }
  }
}

/** The places at which these claims read on, behind an answer that is not handed out yet. */
const placesOf = ({ failing }: Fetcher, own: readonly Claim[], answer: readonly Fetched[] = []): FetchPlace[] => {
  const after = new Map(answer.map(({ place, partition }) => [place.claim, partition.next]))
  return own
    .filter((claim) => wantsMore(claim) && failing.isDue(claim))
    .map((claim) => ({
      topic: claim.topic,
      partition: claim.partition,
      claim,
      offset: Math.max(claim.next, after.get(claim) ?? 0),
    }))
}

/** The leaders of these topics may be others by now. */
const lookAnew = async (fetcher: Fetcher, topics: ReadonlySet<string>): Promise<void> => {
  await fetcher.topics.refresh(topics).catch(() => undefined)
  look(fetcher)
}

const handOut = async (fetcher: Fetcher, answer: readonly Fetched[]): Promise<void> => {
  const stale = new Set<string>()
  for (const { place, partition } of answer) {
    const { claim, offset } = place
    // An answer that was asked for ahead is of no use if not all before it was taken.
    if (claim.state !== 'reading' || claim.next !== offset) continue
    try {
      await handOutPartition(fetcher, claim, partition)
      fetcher.failing.fine(claim)
    } catch (fault) {
      fetcher.failing.failed(claim, fault)
      stale.add(claim.topic)
    }
  }
  if (stale.size > 0) await lookAnew(fetcher, stale)
}

const handOutPartition = async (fetcher: Fetcher, claim: Claim, partition: FetchedPartition): Promise<void> => {
  const { errorCode, topic } = partition
  if (errorCode === codes.offsetOutOfRange) return fetcher.outOfRange(claim)
  if (errorCode !== codes.none) throw new KafkaFault(faultOf(errorCode), `fetching from ${topic}`)
  return handOutRecords(fetcher, claim, partition)
}

/** kafkajs has no words for a topic that is not there under its id. */
const faultOf = (code: number): number =>
  code === codes.unknownTopicId || code === codes.inconsistentTopicId ? codes.unknownTopicOrPartition : code

const handOutRecords = async (
  { take }: Fetcher,
  claim: Claim,
  { records, next, problem }: FetchedPartition,
): Promise<void> => {
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
    throw new UndecodableError(`${partitionName(claim)} from offset ${claim.next} on: ${problem.message}`)
}
