import { binaryReplies, type RedisClient } from './commands.ts'
import { isReplyOf } from './faults.ts'
import { claim, idleEntries, idleEntriesInOrder, ownEntries, type ClaimedEntry } from './streams-claims.ts'
import type { TopicLeases } from './streams-leases.ts'
import type { PendingEntries } from './streams-pending-entries.ts'
import { blockMs, entriesOf, type ReadReply } from './streams-read-loop.ts'
import { registerScript } from './streams-scripts.ts'

export interface ConsumerReadsParts {
  readonly prefix: string
  readonly group: string
  readonly consumer: string
  /** May grow. */
  readonly topics: readonly string[]
  readonly entries: PendingEntries
  /** A serial group has leases; other groups have none. */
  readonly leases: TopicLeases | undefined
  readonly claimIdleMs: number
  /** Whether a group that is gone is left alone. */
  readonly isStopping: () => boolean
}

/** The requests of a group's consumer: its own entries, idle entries of others, new entries. */
export interface ConsumerReads {
  /** Delivers the entries that the server gave to this consumer and that a lost connection swallowed. */
  recover(client: RedisClient): Promise<void>
  /** Delivers idle entries where it is time to claim them, then new ones. Answers how many milliseconds to pause before the next call. */
  read(client: RedisClient): Promise<number>
  /** The next read claims idle entries. */
  claimSoon(): void
}

const maxClaimedAtOnce = 100
/** Other consumers do not make known that they have settled all of a topic. */
const settlePollMs = 20

/** The reads of one consumer. */
export const consumerReads = (parts: ConsumerReadsParts): ConsumerReads => {
  const { prefix, group, consumer, topics, entries, leases, claimIdleMs } = parts
  const readBlockMs = Math.min(blockMs, Math.ceil(claimIdleMs / 2))
  const idleOf = leases === undefined ? idleEntries : idleEntriesInOrder
  const consumerOf = (topic: string) => ({ key: prefix + topic, group, consumer })
  let nextClaimMs = 0

  const deliver = (topic: string, claimed: readonly ClaimedEntry[]) => {
    for (const [[id, fields], attempt] of claimed) entries.deliver(topic, id.toString(), fields, attempt)
  }

  const recoverTopic = async (client: RedisClient, topic: string) => {
    const own = await ownEntries(client, consumerOf(topic))
    const missing = own.filter(({ id }) => entries.index.get(topic, id) === undefined)
    deliver(topic, await claim(client, consumerOf(topic), missing, { idleMs: 0, isDelivery: false }))
  }

  const claimIdle = async (client: RedisClient, topic: string) => {
    const idle = await idleOf(client, consumerOf(topic), claimIdleMs, maxClaimedAtOnce)
    const missing = idle.filter(({ id }) => entries.index.get(topic, id) === undefined)
    deliver(topic, await claim(client, consumerOf(topic), missing, { idleMs: claimIdleMs, isDelivery: true }))
    if (idle.length === maxClaimedAtOnce && missing.length > 0) nextClaimMs = 0
  }

  const readNew = async (client: RedisClient, from: readonly string[]) => {
    const count = String(entries.readSize.messages(from.length))
    const command = ['XREADGROUP', 'GROUP', group, consumer, 'COUNT', count, 'BLOCK', String(readBlockMs), 'STREAMS']
    command.push(...from.map((topic) => prefix + topic), ...from.map(() => '>'))
    const reply = await client.sendCommand<ReadReply>(command, binaryReplies)
    for (const [topic, [id, fields]] of entriesOf(reply, prefix)) entries.deliver(topic, id.toString(), fields, 1)
  }

  const readOnce = async (client: RedisClient): Promise<number> => {
    await leases?.acquire(client, topics)
    const { leased, readable } = leases ?? { leased: topics, readable: topics }
    if (performance.now() >= nextClaimMs || leased.length > readable.length) {
      nextClaimMs = performance.now() + claimIdleMs / 2
      await Promise.all(leased.map((topic) => claimIdle(client, topic)))
      const isMoreIdle = nextClaimMs === 0
      if (isMoreIdle || !entries.hasRoom) return 0
    }
    // A signal announces a free lease. No signal announces that a consumer has settled everything.
    if (readable.length === 0) return leased.length > 0 ? settlePollMs : readBlockMs
    await readNew(client, readable)
    return 0
  }

  /** After a stream or its group was deleted. All that the stream holds by then is new to the group. */
  const recreateGroups = async (client: RedisClient) => {
    leases?.forget()
    for (const topic of topics) {
      await client.sendCommand(['EVAL', registerScript, '0', prefix, topic])
      await client.sendCommand(['XGROUP', 'CREATE', prefix + topic, group, '0', 'MKSTREAM']).catch((error: unknown) => {
        if (!isReplyOf(error, 'BUSYGROUP')) throw error
      })
    }
  }

  const recreatingGroups = async (client: RedisClient, work: () => Promise<number>): Promise<number> => {
    try {
      return await work()
    } catch (error) {
      const isGone = isReplyOf(error, 'NOGROUP') || isReplyOf(error, 'UNBLOCKED')
      if (!isGone || parts.isStopping()) throw error
      await recreateGroups(client)
      return 0
    }
  }

  return {
    recover: async (client) => {
      await recreatingGroups(client, async () => {
        await Promise.all(topics.map((topic) => recoverTopic(client, topic)))
        return 0
      })
    },
    read: (client) => recreatingGroups(client, () => readOnce(client)),
    claimSoon: () => (nextClaimMs = 0),
  }
}
