import { codes } from './apis.ts'
import { wantsMore, type Claim } from './claim.ts'
import { asked, type KafkaCluster } from './cluster.ts'
import { complaint, faultText, KafkaFault, type Complaint } from './faults.ts'
import type { FetchedPartition, FetchedRecord } from './fetched.ts'
import { byTopic, partitionName, type TopicOffset } from './offsets.ts'
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
  /** The partitions whose next batch cannot be decoded, or that fail otherwise for `unreadableMs`, each with the reason. */
  unreadable(): readonly string[]
}

/** Where to read on. */
interface Place extends TopicOffset {
  readonly claim: Claim
}

interface Fetched {
  readonly place: Place
  readonly partition: FetchedPartition
}

/** How long a broker may wait for something to come: as long may pass until a new partition is read. */
const maxWaitMs = 250
const maxPartitionBytes = 1024 * 1024
const blockedWaitMs = 20
/** A partition whose leader moves fails for a while. */
const unreadableMs = 15_000

/** A partition that was not read when it was last tried. */
interface Failing {
  readonly trouble: Complaint
  readonly sinceMs: number
  /** When it was tried last. */
  lastMs: number
  /** When it is tried again. */
  untilMs: number
  fault: unknown
}

/** What was fetched and could not be decoded: no other try will do. */
class UndecodableError extends Error {
  override readonly name = 'UndecodableError'
}

/** kafkajs has no words for a topic that is not there under its id. */
const faultOf = (code: number): number =>
  code === codes.unknownTopicId || code === codes.inconsistentTopicId ? codes.unknownTopicOrPartition : code

/** Fetches what the claims are to read: one loop a broker, one request at a time in each, one answer ahead of what is handed out. */
export const kafkaFetcher = (parts: FetcherParts): KafkaFetcher => {
  const { cluster, topics, warn, claims, room, take } = parts
  const loops = new Set<number>()
  const failing = new WeakMap<Claim, Failing>()

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
      throw new UndecodableError(`${partitionName(claim)} from offset ${claim.next} on: ${problem.message}`)
  }

  const fetch = async (leader: number, places: readonly Place[]): Promise<readonly Fetched[]> => {
    // An offset of a life that is over is none of the next one.
    const lives = new Map(places.map(({ topic, claim }) => [topic, claim.topicId]))
    const answer = await asked(cluster.node(leader), 'Fetch', {
      maxWaitTime: maxWaitMs,
      minBytes: 1,
      maxBytes: parts.maxBytes,
      isolationLevel: 1,
      rackId: '',
      topics: byTopic(places, ({ partition, offset }) => ({
        partition,
        fetchOffset: String(offset),
        maxBytes: Math.min(maxPartitionBytes, parts.maxBytes),
      })).map((each) => ({ ...each, topicId: lives.get(each.topic) })),
    })
    if (answer.errorCode !== codes.none) throw new KafkaFault(answer.errorCode, 'fetching')
    const placeOf = new Map(places.map((place) => [partitionName(place), place]))
    return answer.partitions.flatMap((partition) => {
      const place = placeOf.get(partitionName(partition))
      return place === undefined ? [] : [{ place, partition }]
    })
  }

  const noted = (claim: Claim, fault: unknown): Failing => {
    const atMs = performance.now()
    const trouble = complaint(warn, `fetching from ${partitionName(claim)}`)
    const known = failing.get(claim) ?? { trouble, sinceMs: atMs, lastMs: atMs, untilMs: 0, fault }
    failing.set(claim, known)
    return Object.assign(known, { lastMs: atMs, fault })
  }

  /** One partition that fails waits by itself: the others go on. */
  const failed = (claim: Claim, fault: unknown) => {
    const known = noted(claim, fault)
    known.untilMs = known.lastMs + reconnectDelayMs(known.trouble.failed(fault))
  }

  const giveAll = async (answer: readonly Fetched[]) => {
    const stale = new Set<string>()
    for (const { place, partition } of answer) {
      const { claim, offset } = place
      // What was asked for ahead is not what comes next where not all before it was taken.
      if (claim.state !== 'reading' || claim.next !== offset) continue
      try {
        if (partition.errorCode === codes.none) await give(claim, partition)
        else if (partition.errorCode === codes.offsetOutOfRange) await parts.outOfRange(claim)
        else throw new KafkaFault(faultOf(partition.errorCode), `fetching from ${partition.topic}`)
        failing.delete(claim)
      } catch (fault) {
        failed(claim, fault)
        stale.add(claim.topic)
      }
    }
    if (stale.size === 0) return
    await topics.refresh(stale).catch(() => undefined)
    look()
  }

  const placesOf = (own: readonly Claim[], answer: readonly Fetched[] = []): Place[] => {
    const after = new Map(answer.map(({ place, partition }) => [place.claim, partition.next]))
    return own
      .filter((claim) => wantsMore(claim) && (failing.get(claim)?.untilMs ?? 0) <= performance.now())
      .map((claim) => ({
        topic: claim.topic,
        partition: claim.partition,
        claim,
        offset: Math.max(claim.next, after.get(claim) ?? 0),
      }))
  }

  /** Ends when this broker leads nothing that is read. */
  const loop = async (leader: number) => {
    const trouble = complaint(warn, 'fetching')
    let ahead: Promise<readonly Fetched[]> | undefined
    while (!cluster.closed) {
      await room()
      const own = reading(leader)
      if (own.length === 0) break
      try {
        const places = ahead === undefined ? placesOf(own) : []
        if (ahead === undefined && places.length === 0) {
          await cluster.pause(blockedWaitMs)
          continue
        }
        const answer = await (ahead ?? fetch(leader, places))
        ahead = undefined
        if (answer.some(({ partition }) => partition.records.length > 0)) {
          // The broker reads on while this is handed out.
          const next = placesOf(reading(leader), answer)
          if (next.length > 0) ahead = fetch(leader, next)
          ahead?.catch(() => undefined)
        }
        await giveAll(answer)
        trouble.fine()
      } catch (fault) {
        if (cluster.closed) break
        ahead = undefined
        for (const claim of own) noted(claim, fault)
        await cluster.pause(reconnectDelayMs(trouble.failed(fault)))
        await topics.refresh(new Set(own.map(({ topic }) => topic))).catch(() => undefined)
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

  const unreadable = (claim: Claim): string[] => {
    const found = failing.get(claim)
    if (claim.state === 'over' || found === undefined) return []
    const { fault, sinceMs, lastMs } = found
    if (fault instanceof UndecodableError) return [fault.message]
    return lastMs - sinceMs < unreadableMs ? [] : [`${partitionName(claim)}: ${faultText(fault)}`]
  }

  return { look, unreadable: () => [...claims()].flatMap(unreadable) }
}
