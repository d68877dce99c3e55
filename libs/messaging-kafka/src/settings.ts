import type { ConnectionOptions } from 'node:tls'
import { parseBrokerUrl, passwordOf, tlsOptions, type BrokerUrl } from '@armature/messaging-kit/broker-url'
import { MessagingUrlError } from '@armature/messaging/errors'
import { publishedCodecs, type PublishedCodec } from './compression.ts'

const names = {
  sasl: 'text',
  clientId: 'text',
  partitions: 'integer',
  replicas: 'integer',
  compression: 'text',
  maxMessageBytes: 'integer',
  partition: 'integer',
  sessionTimeoutMs: 'integer',
} as const

const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const

/** The settings in a `kafka:` URL. The files that it names have been read. */
export interface KafkaSettings extends Pick<BrokerUrl, 'hosts' | 'publishWaitMs' | 'connectWaitMs' | 'closeWaitMs'> {
  readonly tls: ConnectionOptions | undefined
  readonly sasl: { readonly mechanism: string; readonly username: string; readonly password: string } | undefined
  readonly clientId: string
  /** The partitions of topics that the driver creates. */
  readonly partitions: number
  /** Copies of topics that are made here; -1 leaves it to the broker. */
  readonly replicas: number
  /** Everything but dead letters is published to this partition; undefined: the key chooses it. */
  readonly partition: number | undefined
  /** The codec of published batches. */
  readonly compression: PublishedCodec
  /** The most that one body may have. */
  readonly maxMessageBytes: number
  /** A member that is not heard of for so long has its partitions taken away. */
  readonly sessionTimeoutMs: number
}

const defaults = {
  clientId: 'armature',
  partitions: 8,
  maxMessageBytes: 1_000_000,
  sessionTimeoutMs: 30_000,
}

/** Reads a `kafka:` URL. Rejects with MessagingUrlError, which holds no credentials. */
export const kafkaSettings = async (url: string): Promise<KafkaSettings> => {
  const parsed = parseBrokerUrl(url, { schemes: ['kafka'], defaultPort: 9092, options: names })
  const { options, hosts, publishWaitMs, connectWaitMs, closeWaitMs, path } = parsed
  if (path !== '')
    throw new MessagingUrlError('the kafka: URL has a path: leave it out, topics are named by the program')
  const atLeast = (name: keyof typeof options, otherwise: number, least: number): number => {
    const value = Number(options[name] ?? otherwise)
    if (value >= least) return value
    throw new MessagingUrlError(`${name} of the kafka: URL is ${value}: give ${least} or more`)
  }
  return {
    hosts,
    publishWaitMs,
    connectWaitMs,
    closeWaitMs,
    tls: await tlsOptions(parsed),
    sasl: await saslOf(parsed),
    clientId: options.clientId ?? defaults.clientId,
    partitions: atLeast('partitions', defaults.partitions, 1),
    replicas: options.replicas === undefined ? -1 : atLeast('replicas', 1, 1),
    partition: options.partition === undefined ? undefined : Number(options.partition),
    compression: oneOf('compression', options.compression ?? 'none', publishedCodecs),
    maxMessageBytes: atLeast('maxMessageBytes', defaults.maxMessageBytes, 1),
    sessionTimeoutMs: atLeast('sessionTimeoutMs', defaults.sessionTimeoutMs, 100),
  }
}

const saslOf = async (parsed: BrokerUrl<keyof typeof names>): Promise<KafkaSettings['sasl']> => {
  const { user, options } = parsed
  if (user === undefined) {
    if (options.sasl === undefined) return undefined
    throw new MessagingUrlError('sasl of the kafka: URL needs a user: add user=... and passwordFile=...')
  }
  const password = await passwordOf(parsed)
  if (password === undefined) {
    throw new MessagingUrlError('the kafka: URL has a user without a password: add passwordFile=...')
  }
  const mechanism = oneOf('sasl', options.sasl ?? 'plain', mechanisms)
  return { mechanism, username: user, password }
}

const oneOf = <Value extends string>(name: string, value: string, known: readonly Value[]): Value => {
  const found = known.find((each) => each === value)
  if (found !== undefined) return found
  throw new MessagingUrlError(
    `${name} of the kafka: URL is ${JSON.stringify(value.slice(0, 100))}: use ${known.join(', ')}`,
  )
}
