import { type ConsumerConfig, type ConsumerInfo, type JetStreamManager } from '@nats-io/jetstream'
import { nanos } from '@nats-io/nats-core'
import type { LastSeen } from './jetstream-feed.ts'
import { durableName } from './jetstream-names.ts'
import type { JetstreamSettings } from './jetstream-settings.ts'
import { apiCode, apiErrors } from './jetstream-streams.ts'
import type { StartPosition } from '@armature/messaging/ports'

/** The priority group of members that take turns. */
export const pinGroup = 'serial'

/** How long a server keeps the consumer of a subscription without a group that nobody reads. */
const abandonedMs = 300_000

/** Where a new consumer begins, in the server's words. */
const beginning = (from: StartPosition): Partial<ConsumerConfig> => {
  if (from === 'latest') return { deliver_policy: 'new' }
  if (from === 'earliest') return { deliver_policy: 'all' }
  if ('offset' in from) return { deliver_policy: 'by_start_sequence', opt_start_seq: Math.max(1, from.offset) }
  return { deliver_policy: 'by_start_time', opt_start_time: from.time.toISOString() }
}

export interface DurableOptions {
  readonly group: string
  readonly topic: string
  /** Order per key: one member at a time. */
  readonly serial: boolean
}

/** One life of a stream, from when it was made until it is deleted. */
export interface StreamLife {
  readonly created: string
  readonly lastSequence: number
}

/** The consumers of subscriptions. Each rejects with the server's error where there is no such stream. */
export const consumers = (jsm: JetStreamManager, settings: JetstreamSettings) => {
  const { ackWaitMs, maxDeliver, maxAckPending } = settings

  const infoOf = (stream: string, name: string): Promise<ConsumerInfo | undefined> =>
    jsm.consumers.info(stream, name).catch((error: unknown) => {
      if (apiCode(error) === apiErrors.noConsumer) return undefined
      throw error
    })

  /** Whether the group has a consumer there already. */
  const isKnown = async (stream: string, group: string, topic: string): Promise<boolean> =>
    (await infoOf(stream, durableName(group, topic))) !== undefined

  /** The group's consumer, made where there is none, with these settings, and whether its members take turns. */
  const durable = async (
    stream: string,
    { group, topic, serial }: DurableOptions,
    from: StartPosition,
  ): Promise<{ name: string; takesTurns: boolean }> => {
    const name = durableName(group, topic)
    const wanted = {
      ack_wait: nanos(ackWaitMs),
      max_deliver: maxDeliver === 0 ? -1 : maxDeliver,
      max_ack_pending: maxAckPending,
      ...(serial
        ? {
            priority_policy: 'pinned_client' as const,
            priority_groups: [pinGroup],
            // Longer than ackWaitMs: what a dead member had comes before what is new.
            priority_timeout: nanos(2 * ackWaitMs),
          }
        : {}),
    }
    const known = await infoOf(stream, name)
    if (known === undefined) {
      const config = {
        durable_name: name,
        ack_policy: 'explicit' as const,
        filter_subject: topic,
        metadata: { 'armature.group': group, 'armature.topic': topic },
        ...wanted,
        ...beginning(from),
      }
      try {
        await jsm.consumers.add(stream, config)
        return { name, takesTurns: serial }
      } catch (error) {
        if (apiCode(error) !== apiErrors.consumerExists) throw error
      }
      return durable(stream, { group, topic, serial }, from)
    }
    const { opt_start_seq: firstSequence = 0 } = known.config
    if (typeof from === 'object' && 'offset' in from && firstSequence > Math.max(1, from.offset)) {
      // Another member made it anew and knows nothing of what this one has in hand.
      await jsm.consumers.delete(stream, name)
      return durable(stream, { group, topic, serial }, from)
    }
    const takesTurns = (known.config.priority_groups ?? []).includes(pinGroup)
    const { ack_wait: wait, max_deliver: deliver, max_ack_pending: unsettled } = known.config
    const isAsWanted =
      wait === wanted.ack_wait && deliver === wanted.max_deliver && unsettled === wanted.max_ack_pending
    if (!isAsWanted || (serial && !takesTurns)) await jsm.consumers.update(stream, name, wanted)
    return { name, takesTurns: serial || takesTurns }
  }

  const lifeOf = async (stream: string): Promise<StreamLife> => {
    const { created, state } = await jsm.streams.info(stream)
    return { created, lastSequence: state.last_seq }
  }

  /**
   * Whether this message was of the life in which the stream is: the stream was not made anew since, did not go back behind it (restored
   * from a backup), and has no other message in its place.
   */
  const isSameLife = async (stream: string, created: string, last: LastSeen | undefined): Promise<boolean> => {
    const life = await lifeOf(stream)
    if (life.created !== created) return false
    if (last === undefined) return true
    if (life.lastSequence < last.sequence) return false
    const stored = await jsm.streams.getMessage(stream, { seq: last.sequence })
    return stored === null || stored.time.getTime() === last.storedAt.getTime()
  }

  /** A consumer for one subscription, without acknowledgements. */
  const ordered = async (stream: string, topic: string, from: StartPosition): Promise<string> => {
    const { name } = await jsm.consumers.add(stream, {
      name: `ordered-${crypto.randomUUID()}`,
      ack_policy: 'none',
      filter_subject: topic,
      inactive_threshold: nanos(abandonedMs),
      mem_storage: true,
      num_replicas: 1,
      max_deliver: -1,
      ...beginning(from),
    })
    return name
  }

  return {
    isKnown,
    durable,
    lifeOf,
    isSameLife,
    ordered,
    /** Messages that members of the group have and did not settle. */
    unsettled: async (stream: string, name: string): Promise<number> =>
      (await infoOf(stream, name))?.num_ack_pending ?? 0,
    /** Asking for the consumer's state is what makes the server look which of its requests still have a client. */
    forgetRequests: (stream: string, name: string): Promise<unknown> => infoOf(stream, name),
    remove: async (stream: string, name: string): Promise<void> => {
      await jsm.consumers.delete(stream, name).catch(() => undefined)
    },
    /** The members that wait may take over at once. */
    unpin: async (stream: string, name: string): Promise<void> => {
      await jsm.consumers.unpin(stream, name, pinGroup).catch(() => undefined)
    },
  }
}

export type Consumers = ReturnType<typeof consumers>
