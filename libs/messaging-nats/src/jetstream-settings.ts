import { parseBrokerUrl, type BrokerUrl, type OptionKind } from '@armature/messaging-kit/broker-url'
import { MessagingUrlError } from '@armature/messaging/errors'
import { defaultPort, natsOptions } from './settings.ts'

/** The options of this scheme, beside those of `nats:`. */
const jetstreamOptions = {
  ...natsOptions,
  replicas: 'integer',
  storage: 'text',
  maxAgeMs: 'integer',
  maxBytes: 'integer',
  dedupeWindowMs: 'integer',
  ackWaitMs: 'integer',
  maxHandlingMs: 'integer',
  maxDeliver: 'integer',
  maxAckPending: 'integer',
  advisories: 'text',
} as const satisfies Record<string, OptionKind>

export interface JetstreamSettings {
  readonly url: BrokerUrl<keyof typeof jetstreamOptions>
  /** How many servers keep a stream that is made here. */
  readonly replicas: number
  readonly storage: 'file' | 'memory'
  /** How long a message is kept; 0 = for good. Dead letters are kept for good. */
  readonly maxAgeMs: number
  /** The size of a stream at which publishes are refused as `full`; 0 = what the server has room for. */
  readonly maxBytes: number
  /** How long a stream recognises a message by its id, so that it stores the message once. */
  readonly dedupeWindowMs: number
  /** An unsettled message is delivered again so long after the last sign of its member. */
  readonly ackWaitMs: number
  /** A handler that takes longer loses its message to another member. */
  readonly maxHandlingMs: number
  /** A message becomes a dead letter after so many deliveries to a group; 0 = it is delivered until it is acknowledged. */
  readonly maxDeliver: number
  /** How many messages of a group may be unsettled, of all members together. */
  readonly maxAckPending: number
  /** The consumers whose given-up messages become dead letters: those made here, all, or none. */
  readonly advisories: 'own' | 'all' | 'off'
}

const dayMs = 86_400_000

/** Reads a `jetstream:` URL, with the defaults. Throws MessagingUrlError, which holds no credential. */
export const jetstreamSettings = (given: string): JetstreamSettings => {
  const url = parseBrokerUrl(given, { schemes: ['jetstream'], defaultPort, options: jetstreamOptions })
  const { options } = url
  const fail = (name: string, value: string, advice: string): never => {
    throw new MessagingUrlError(`the jetstream: URL has the ${name} ${JSON.stringify(value.slice(0, 100))}: ${advice}`)
  }
  const number = (name: keyof typeof jetstreamOptions, otherwise: number, least: number, most = 1e12): number => {
    const value = Number(options[name] ?? otherwise)
    return value >= least && value <= most ? value : fail(name, String(value), `give ${least} to ${most}`)
  }
  const word = <Word extends string>(name: keyof typeof jetstreamOptions, words: readonly [Word, ...Word[]]): Word => {
    const value = options[name] ?? words[0]
    return words.find((each) => each === value) ?? fail(name, value, `give ${words.join(' or ')}`)
  }
  const maxAgeMs = number('maxAgeMs', 7 * dayMs, 0)
  return {
    url,
    replicas: number('replicas', 1, 1, 5),
    storage: word('storage', ['file', 'memory']),
    maxAgeMs,
    maxBytes: number('maxBytes', 0, 0),
    dedupeWindowMs: number('dedupeWindowMs', maxAgeMs === 0 ? 120_000 : Math.min(120_000, maxAgeMs), 100),
    ackWaitMs: number('ackWaitMs', 30_000, 100),
    maxHandlingMs: number('maxHandlingMs', 1_800_000, 1_000),
    maxDeliver: number('maxDeliver', 0, 0, 1_000_000),
    maxAckPending: number('maxAckPending', 100_000, 1),
    advisories: word('advisories', ['own', 'all', 'off']),
  }
}
