import type { Clock } from '@armature/async/clock'
import { within } from '@armature/async/within'
import { deliveryWindow } from '@armature/messaging-kit/delivery-window'
import { subscriptionLife } from '@armature/messaging-kit/subscription-life'
import { arrivalOf, newClaim, nextPlace, placeOf, type Claim, type ClaimedArrival } from './claim.ts'
import type { KafkaCluster } from './cluster.ts'
import { faultText } from './faults.ts'
import { kafkaFetcher } from './fetcher.ts'
import { kafkaMember, type KafkaMember } from './member.ts'
import { kafkaName, topicOf } from './names.ts'
import { endsOf, partitionName, type TopicOffset, type TopicPartition } from './offsets.ts'
import { kafkaPlaces } from './places.ts'
import type { KafkaTopics } from './topics.ts'
import type { Handler, Subscription } from '@armature/messaging/ports'
import type { SubscribeSettings } from '@armature/messaging-kit/subscribe-settings'
import { isPattern, matches } from '@armature/messaging/topic-pattern'

export interface SubscriptionParts {
  readonly cluster: KafkaCluster
  readonly topics: KafkaTopics
  readonly pattern: string
  readonly group: string | undefined
  readonly handle: Handler
  readonly settings: SubscribeSettings
  readonly clock?: Clock | undefined
  readonly warn: (problem: string) => void
  /** It is over. */
  readonly ended: () => void
}

export interface KafkaSubscription extends Subscription {
  /** The partitions that cannot be read, each with the reason. */
  unreadable(): readonly string[]
}

const commitDelayMs = 250
/** How long a partition that moves waits for its unsettled messages. */
const drainWaitMs = 30_000
const outOfTouchPauseMs = 20
const patternPollMs = 1_000
const topicPollMs = 30_000
const leastFetchBytes = 64 * 1024
const mostFetchBytes = 8 * 1024 * 1024

/** Reads the topics of a pattern, as a member of a group or all of them by itself. Resolves when what is published from then on comes. */
export const kafkaSubscription = async (parts: SubscriptionParts): Promise<KafkaSubscription> => {
  const { cluster, topics, pattern, group, settings, warn } = parts
  const { connectWaitMs, closeWaitMs } = cluster.settings
  const claims = new Map<string, Claim>()
  const window = deliveryWindow<ClaimedArrival>({
    handle: parts.handle,
    settings,
    ...(parts.clock === undefined ? {} : { clock: parts.clock }),
  })
  let names: readonly string[] = []
  /** The partitions that were last seen by the poll: a refresh between two polls may have shown more. */
  let shared = ''
  const places = kafkaPlaces({ cluster, topics, group, from: settings.from })
  let member: KafkaMember | undefined
  let commitTimer: NodeJS.Timeout | undefined
  let draining: Promise<unknown> = Promise.resolve()

  const partitionsOf = (of: readonly string[]): TopicPartition[] =>
    of.flatMap((topic) => (topics.known(topic)?.leaders ?? []).map((_, partition) => ({ topic, partition })))

  const acked = (claim: Claim) => {
    if (member === undefined || claim.state === 'over') return
    commitTimer ??= setTimeout(() => {
      commitTimer = undefined
      void commit().catch(() => undefined)
    }, commitDelayMs)
  }

  /** What is not kept now is kept by a later one. */
  const commit = async () => {
    const due = [...claims.values()].filter((claim) => claim.state !== 'over' && placeOf(claim) > claim.committed)
    if (member === undefined || due.length === 0) return
    const offsets = due.map(nextPlace)
    await member.commit(offsets)
    due.forEach((claim, index) => (claim.committed = offsets[index]?.offset ?? claim.committed))
  }

  /** Its partitions may be another member's by now: nothing new is handled. */
  const outOfTouch = () => member !== undefined && life.state === 'open' && !member.holds

  const offer = (record: Parameters<typeof arrivalOf>[0], claim: Claim): boolean =>
    window.offer(arrivalOf(record, claim, acked))

  const fetcher = kafkaFetcher({
    cluster,
    topics,
    warn,
    maxBytes: Math.min(mostFetchBytes, Math.max(leastFetchBytes, settings.maxInFlightBytes)),
    claims: () => claims.values(),
    room: async () => {
      while (outOfTouch() && !cluster.closed) await cluster.pause(outOfTouchPauseMs)
      await window.room()
    },
    take: (record, claim) => {
      if (outOfTouch()) return false
      if (window.hasRoom) return offer(record, claim)
      return window.room().then(() => claim.state === 'reading' && !outOfTouch() && offer(record, claim))
    },
    outOfRange: async (claim) => {
      const { low, high } = await endsOf({ cluster, topics }, [claim])
      const [oldest = 0, end = 0] = [low.get(partitionName(claim)), high.get(partitionName(claim))]
      if (claim.next >= oldest && claim.next <= end) return
      warn(`kafka: offset ${claim.next} of ${partitionName(claim)} is not kept any more; it goes on from ${oldest}`)
      if (claim.next < oldest) {
        // What handlers have of it is theirs until it is settled: nobody else has it any more.
        claim.next = oldest
        return
      }
      letGo(claim)
      begin({ ...nextPlace(claim), offset: oldest })
    },
  })

  /** How its messages settle counts for nothing from now on. */
  const letGo = (claim: Claim) => {
    if (claim.state === 'over') return
    claim.state = 'over'
    claims.delete(partitionName(claim))
    window.takeBack((arrival) => arrival.claim === claim)
  }

  const begin = (place: TopicOffset) => {
    claims.set(partitionName(place), newClaim(place, topicOf(place.topic)))
  }

  topics.onReplaced(({ name }) => {
    const old = [...claims.values()].filter((each) => each.topic === name)
    if (old.length === 0) return
    warn(`kafka: the topic ${topicOf(name)} was deleted and made again: it is read from its first message on`)
    for (const each of old) letGo(each)
    if (member !== undefined) member.rejoin()
    else if (life.state === 'open') claimAll()
  })

  const drain = async (leaving: readonly Claim[]) => {
    for (const each of leaving) each.state = 'draining'
    const unsettled = () =>
      leaving.some((each) => each.state === 'draining' && each.tracker.unfinished(each.partition) > 0)
    const untilMs = performance.now() + drainWaitMs
    while (unsettled() && performance.now() < untilMs && life.state === 'open') await cluster.pause(5)
    await commit().catch(() => undefined)
    for (const each of leaving) if (each.state === 'draining') letGo(each)
    member?.rejoin()
  }

  const assigned = async (share: readonly TopicPartition[]) => {
    const mine = new Set(share.map(partitionName))
    const leaving = [...claims.values()].filter((each) => each.state === 'reading' && !mine.has(partitionName(each)))
    for (const each of claims.values()) if (mine.has(partitionName(each))) each.state = 'reading'
    const gained = share.filter((place) => !claims.has(partitionName(place)))
    if (leaving.length > 0) draining = drain(leaving).catch(() => undefined)
    if (gained.length > 0 && group !== undefined) {
      await topics.refresh(new Set(gained.map(({ topic }) => topic)))
      const { all, fresh } = await places.ofGroup(gained)
      if (fresh.length > 0) await member?.commit(fresh)
      all.forEach(begin)
    }
    fetcher.look()
  }

  const matching = async (): Promise<readonly string[]> =>
    isPattern(pattern) ? (await topics.list()).filter((name) => matches(pattern, topicOf(name))) : [kafkaName(pattern)]

  const pin = async () => {
    if (!isPattern(pattern)) await topics.ensure(kafkaName(pattern), 0)
    names = await matching()
    await topics.refresh(names)
    const all = partitionsOf(names)
    shared = all.map(partitionName).join()
    await places.pin(all)
  }

  /** Topics and partitions that were made since. */
  const poll = async () => {
    while (life.state === 'open') {
      await cluster.pause(isPattern(pattern) ? patternPollMs : topicPollMs)
      try {
        if (!isPattern(pattern)) await topics.refresh(names)
        names = await matching()
        const now = partitionsOf(names).map(partitionName).join()
        if (now === shared) continue
        shared = now
        if (member !== undefined) member.rejoin()
        else claimAll()
      } catch (fault) {
        if (cluster.closed) return
        warn(`kafka: the topics of ${pattern} cannot be listed now: ${faultText(fault)}`)
      }
    }
  }

  const claimAll = () => {
    const all = partitionsOf(names)
    const kept = new Set(all.map(partitionName))
    for (const each of claims.values()) {
      if (kept.has(partitionName(each))) continue
      // It may come back as it was: a broker that has just started knows no topic.
      places.keep(nextPlace(each))
      letGo(each)
    }
    for (const place of all) if (!claims.has(partitionName(place))) begin(places.startOf(place))
    fetcher.look()
  }

  const leave = async () => {
    clearTimeout(commitTimer)
    await commit().catch(() => undefined)
    await member?.leave()
  }

  const closed = Promise.withResolvers<void>()
  let left: Promise<void> = Promise.resolve()
  /** As `left`, for as long as a close may take. */
  let leftInTime: Promise<void> | undefined
  const inTime = (work: Promise<unknown>) =>
    within(
      closeWaitMs,
      work.catch(() => undefined),
    ).then(() => undefined)

  const life = subscriptionLife({
    stop: async () => {
      for (const each of claims.values()) if (each.state === 'reading') each.state = 'draining'
      window.stop()
      // The others take over once what is unsettled here is settled, or cannot be waited for.
      left = within(drainWaitMs, Promise.race([window.idle(), closed.promise])).then(leave)
      left.catch(() => undefined)
      if (window.inFlight === 0) await (leftInTime = inTime(left))
    },
    close: async () => {
      window.close()
      closed.resolve()
      await Promise.all([leftInTime ?? inTime(left), inTime(draining)])
      clearTimeout(commitTimer)
      for (const each of [...claims.values()]) letGo(each)
      cluster.close()
      parts.ended()
    },
    idle: () => window.idle(),
    inFlight: () => window.inFlight,
  })

  try {
    await cluster.retry(`subscribing to ${pattern}`, pin, connectWaitMs)
    if (group === undefined) claimAll()
    else {
      member = kafkaMember({
        cluster,
        known: topics,
        group,
        warn,
        topics: () => names,
        owned: () => [...claims.values()],
        assigned,
        lost: () => {
          for (const each of [...claims.values()]) letGo(each)
        },
      })
      await member.join()
    }
  } catch (error) {
    await life.close()
    throw error
  }
  void poll().catch(() => undefined)

  return {
    stop: () => life.stop(),
    idle: () => life.idle(),
    unreadable: () => fetcher.unreadable(),
    get inFlight() {
      return life.inFlight
    },
    close: () => life.close(),
  }
}
