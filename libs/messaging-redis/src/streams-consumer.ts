import { randomUUID } from 'node:crypto'
import { within } from '@armature/async/within'
import { subscriptionLife } from '@armature/messaging-kit/subscription-life'
import type { Subscription } from '@armature/messaging/ports'
import { startAfter } from './streams-codec.ts'
import { consumerReads } from './streams-consumer-reads.ts'
import { join } from './streams-join.ts'
import { topicLeases } from './streams-leases.ts'
import { pendingEntries } from './streams-pending-entries.ts'
import { readLoop } from './streams-read-loop.ts'
import { startRenewal } from './streams-renewal.ts'
import { giveBackScript, leaveScript } from './streams-consumer-scripts.ts'
import type { StreamsSubscriptionParts } from './streams-subscription-parts.ts'

const maxAcksUnderWay = 10_000

/** A consumer of the group, reading. Rejects with the server's error where the group cannot be joined. */
export const openConsumer = async (parts: StreamsSubscriptionParts, group: string): Promise<Subscription> => {
  const { connection, claimIdleMs, closeWaitMs, warn } = parts
  const { topic: pattern, settings } = parts.request
  const { prefix, signals } = connection
  const consumer = `armature-${randomUUID()}`
  const startId = startAfter(settings.from)
  const joined = await join(connection, { group, pattern, startId, leaseMs: 0 })
  const topics = joined.topics.map(([topic]) => topic)
  const leases = settings.serial ? topicLeases(connection, group, consumer, claimIdleMs) : undefined
  const entries = pendingEntries(parts, group, consumer, () => void giveBack().catch(() => undefined))
  const reads = consumerReads({
    ...{ prefix, group, consumer, topics, entries, leases, claimIdleMs },
    isStopping: () => subscription.state !== 'open',
  })

  /** Gives back all entries that the server holds for this consumer and that no handler has. */
  const giveBack = async () => {
    await entries.acks.flushed()
    for (const topic of topics) {
      const kept = entries.index.idsOf(topic)
      const counts = [String(kept.length), ...kept, ...entries.delivered]
      await connection.run(giveBackScript, topic, group, consumer, ...counts)
    }
  }

  const addTopics = (found: readonly string[]) => {
    topics.push(...found.filter((topic) => !topics.includes(topic)))
    loop.interrupt()
  }

  /** An emptied server lacks the pattern and the leases, and may have topics that were not made known here. */
  const joinAgain = async () => {
    leases?.forget()
    const again = await join(connection, { group, pattern, startId: '0-0', leaseMs: 0 })
    addTopics(again.topics.map(([topic]) => topic))
  }

  const loop = readLoop({
    connection,
    onConnect: reads.recover,
    room: async () => {
      await entries.room()
      if (entries.acks.underWay > maxAcksUnderWay) await entries.acks.flushed()
    },
    read: reads.read,
    warn,
  })
  const endSignals = [
    signals.onTopic(pattern, joined.lastNumber, (topic) => addTopics([topic])),
    signals.onEmptied(joinAgain),
    signals.onReturned(group, () => {
      reads.claimSoon()
      loop.interrupt()
    }),
  ]
  const endRenewal = startRenewal({ connection, group, consumer, entries, leases, claimIdleMs })

  const handOver = async () => {
    await loop.stop(closeWaitMs / 2)
    await giveBack()
    await leases?.release()
  }

  const leave = async () => {
    await giveBack()
    for (const topic of topics) await connection.run(leaveScript, topic, group, consumer)
  }

  const subscription = subscriptionLife({
    stop: async () => {
      endSignals.forEach((end) => end())
      entries.stop()
      await within(closeWaitMs, handOver()).catch(() => undefined)
    },
    close: async () => {
      entries.close()
      await within(closeWaitMs, leave()).catch(() => undefined)
      endRenewal()
    },
    idle: () => entries.idle(),
    inFlight: () => entries.inFlight,
  })
  return subscription
}
