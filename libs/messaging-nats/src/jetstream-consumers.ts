import type { ConsumerConfig, ConsumerInfo, JetStreamManager } from '@nats-io/jetstream'
import { nanos } from '@nats-io/nats-core'
import type { StartPosition } from '@armature/messaging/ports'
import { apiErrors, unlessCode } from './jetstream-faults.ts'
import { durableName } from './jetstream-names.ts'
import type { JetstreamSettings } from './jetstream-settings.ts'

/** The priority group of pinned members. */
export const pinGroup = 'serial'

/** The server keeps the consumer of a subscription without a group for so long after its last request. */
const abandonedMs = 300_000

export interface DurableOptions {
  readonly group: string
  readonly topic: string
  /** Order per key: one member is pinned and gets all messages. */
  readonly serial: boolean
}

export interface DurableConsumer {
  readonly name: string
  /** Whether the consumer gives messages to one pinned member at a time. */
  readonly isPinned: boolean
}

/** The deliveries that the members of a group have in hand, as the server knows it. */
export interface InHand {
  /** How many messages are delivered and not settled. */
  readonly unsettled: number
  /** The pin of the member that gets the messages; undefined = no member is pinned. */
  readonly pinId: string | undefined
}

/** The consumers of subscriptions. Each but `isKnown` rejects with the server's error where there is no such stream. */
export interface Consumers {
  /** Whether the group has a consumer there already. */
  isKnown(stream: string, group: string, topic: string): Promise<boolean>
  /** The group's consumer, with these settings. It is made where there is none. */
  durable(stream: string, options: DurableOptions, from: StartPosition): Promise<DurableConsumer>
  /** A new consumer for one subscription, without acknowledgements. */
  ordered(stream: string, topic: string, from: StartPosition): Promise<string>
  /** The deliveries that the members of the group have in hand. */
  inHand(stream: string, name: string): Promise<InHand>
  /** Has the server look which of its requests still have a client. */
  forgetRequests(stream: string, name: string): Promise<unknown>
  /** Removes a consumer. A failure is ignored: the server removes what nobody reads. */
  remove(stream: string, name: string): Promise<void>
  /** Another member may be pinned at once. A failure is ignored: the pin ends by itself. */
  unpin(stream: string, name: string): Promise<void>
}

/** The consumers of the server. */
export const jetstreamConsumers = (jsm: JetStreamManager, settings: JetstreamSettings): Consumers => {
  const infoOf = (stream: string, name: string): Promise<ConsumerInfo | undefined> =>
    unlessCode(jsm.consumers.info(stream, name), [apiErrors.noConsumer], undefined)

  /** Another member may make or delete it at the same time: what is there then is looked at again. */
  const durable: Consumers['durable'] = async (stream, options, from) => {
    const { group, topic, serial } = options
    const name = durableName(group, topic)
    const wanted = durableSettings(settings, serial)
    const found = await infoOf(stream, name)
    if (found === undefined) {
      const made = jsm.consumers.add(stream, { ...durableIdentity(name, options), ...wanted, ...beginning(from) })
      if ((await unlessCode(made, [apiErrors.consumerExists], undefined)) !== undefined)
        return { name, isPinned: serial }
      return durable(stream, options, from)
    }
    if (beginsBehind(found.config, from)) {
      await jsm.consumers.delete(stream, name)
      return durable(stream, options, from)
    }
    const isPinned = (found.config.priority_groups ?? []).includes(pinGroup)
    if (!hasLimits(found.config, wanted) || (serial && !isPinned)) await jsm.consumers.update(stream, name, wanted)
    return { name, isPinned: serial || isPinned }
  }

  return {
    isKnown: async (stream, group, topic) => {
      const info = infoOf(stream, durableName(group, topic))
      return (await unlessCode(info, [apiErrors.noStream], undefined)) !== undefined
    },
    durable,
    ordered: async (stream, topic, from) => {
      const { name } = await jsm.consumers.add(stream, orderedConfig(topic, from))
      return name
    },
    inHand: async (stream, name) => {
      const info: (ConsumerInfo & PinnedInfo) | undefined = await infoOf(stream, name)
      return { unsettled: info?.num_ack_pending ?? 0, pinId: info?.priority_groups?.[0]?.pinned_client_id }
    },
    forgetRequests: infoOf,
    remove: async (stream, name) => {
      await jsm.consumers.delete(stream, name).catch(() => undefined)
    },
    unpin: async (stream, name) => {
      await jsm.consumers.unpin(stream, name, pinGroup).catch(() => undefined)
    },
  }
}

/** The server's description of the pinned member, which the client's types do not know: ADR-42. */
interface PinnedInfo {
  readonly priority_groups?: readonly { readonly pinned_client_id?: string }[]
}

/** The start of a new consumer. */
const beginning = (from: StartPosition): Partial<ConsumerConfig> => {
  if (from === 'latest') return { deliver_policy: 'new' }
  if (from === 'earliest') return { deliver_policy: 'all' }
  if ('offset' in from) return { deliver_policy: 'by_start_sequence', opt_start_seq: Math.max(1, from.offset) }
  return { deliver_policy: 'by_start_time', opt_start_time: from.time.toISOString() }
}

/** Whether another member has made the consumer anew, and knows nothing of what this member has in hand. */
const beginsBehind = ({ opt_start_seq: firstSequence = 0 }: ConsumerConfig, from: StartPosition): boolean =>
  typeof from === 'object' && 'offset' in from && firstSequence > Math.max(1, from.offset)

const durableIdentity = (name: string, { group, topic }: DurableOptions) => ({
  durable_name: name,
  ack_policy: 'explicit' as const,
  filter_subject: topic,
  metadata: { 'armature.group': group, 'armature.topic': topic },
})

const durableSettings = ({ ackWaitMs, maxDeliver, maxAckPending }: JetstreamSettings, serial: boolean) => ({
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
})

const hasLimits = (config: ConsumerConfig, wanted: ReturnType<typeof durableSettings>): boolean =>
  config.ack_wait === wanted.ack_wait &&
  config.max_deliver === wanted.max_deliver &&
  config.max_ack_pending === wanted.max_ack_pending

const orderedConfig = (topic: string, from: StartPosition): Partial<ConsumerConfig> => ({
  name: `ordered-${crypto.randomUUID()}`,
  ack_policy: 'none',
  filter_subject: topic,
  inactive_threshold: nanos(abandonedMs),
  mem_storage: true,
  num_replicas: 1,
  max_deliver: -1,
  ...beginning(from),
})
