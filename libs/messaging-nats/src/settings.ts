import { parseBrokerUrl, type BrokerUrl, type OptionKind } from '@armature/messaging-kit/broker-url'

/** The options of both schemes, beside the common ones: three other ways to say who connects, of which one may be given. */
export const natsOptions = { token: 'text', creds: 'file', nkey: 'file' } as const satisfies Record<string, OptionKind>

/** A URL of either scheme. */
export type NatsUrl = BrokerUrl<keyof typeof natsOptions>

export const defaultPort = 4222

/** Reads a `nats:` URL. Throws MessagingUrlError, which holds no credential. */
export const natsSettings = (given: string): NatsUrl =>
  parseBrokerUrl(given, { schemes: ['nats'], defaultPort, options: natsOptions })
