import type { BrokerUrl, OptionKind } from '@armature/messaging-kit/broker-url'
import { MessagingUrlError } from '@armature/messaging/errors'
import { natsOptions } from './credentials.ts'

/** What the scheme takes beside what `nats:` takes. */
export const jetstreamOptions = {
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
  /** Of the streams that are made here. */
  readonly replicas: number
  readonly storage: 'file' | 'memory'
  /** How long a message is kept; 0 = for good. Dead letters are kept for good. */
  readonly maxAgeMs: number
  /** Of a stream, after which publishes are refused as `full`; 0 = what the server has. */
  readonly maxBytes: number
  /** How long an id is known, so that it is stored once. */
  readonly dedupeWindowMs: number
  /** How long after the last sign of life of its consumer a message comes again. */
  readonly ackWaitMs: number
  /** How long a handler may take before its message goes to another. */
  readonly maxHandlingMs: number
  /** Deliveries to a group after which a message becomes a dead letter; 0 = it comes until it is acknowledged. */
  readonly maxDeliver: number
  /** Unsettled messages of all members of a group. */
  readonly maxAckPending: number
  /** Whose exhausted and terminated messages become dead letters. */
  readonly advisories: 'own' | 'all' | 'off'
}

const dayMs = 86_400_000

/** The settings with their defaults. Throws MessagingUrlError for one that is out of range. */
export const jetstreamSettings = ({ options }: BrokerUrl<keyof typeof jetstreamOptions>): JetstreamSettings => {
  const fail = (name: string, value: string, advice: string): never => {
    throw new MessagingUrlError(`the jetstream: URL has the ${name} ${JSON.stringify(value.slice(0, 100))}: ${advice}`)
  }
  const number = (name: keyof typeof jetstreamOptions, otherwise: number, least: number, most = 1e12): number => {
    const given = options[name]
    const value = given === undefined ? otherwise : Number(given)
    return value >= least && value <= most ? value : fail(name, String(given), `give ${least} to ${most}`)
  }
  const word = <Word extends string>(name: keyof typeof jetstreamOptions, words: readonly [Word, ...Word[]]): Word => {
    const given = options[name] ?? words[0]
    return words.find((each) => each === given) ?? fail(name, given, `give ${words.join(' or ')}`)
  }
  const maxAgeMs = number('maxAgeMs', 7 * dayMs, 0)
  return {
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
