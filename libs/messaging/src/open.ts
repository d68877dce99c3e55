import type { Metrics } from '@armature/telemetry/metrics'
import { MessagingUrlError } from './errors.ts'
import type { OpenMemoryOptions } from './memory.ts'
import type { Driver } from './ports.ts'

/** What drivers may be given besides their URL; each takes what concerns it. */
export interface OpenOptions extends OpenMemoryOptions {
  /** The CloudEvents `source` of messages that name none: a URI reference. Default `/armature`. */
  readonly source?: string
  /** Counts what a driver discards: a repeat that a stream has already. */
  readonly metrics?: Metrics
  /** Is told, in one line without credentials, of what works but not as it should. Default: a warning of the process. */
  readonly warn?: (problem: string) => void
}

/** A driver is loaded when its scheme is asked for. */
const drivers: Readonly<Record<string, (url: string, options: OpenOptions) => Promise<Driver>>> = {
  memory: async (url, options) => (await import('./memory.ts')).openMemory(url, options),
  amqp: async (url, options) => (await import('./amqp.ts')).openAmqp(url, options),
  amqps: async (url, options) => (await import('./amqp.ts')).openAmqp(url, options),
  kafka: async (url, options) => (await import('./kafka.ts')).openKafka(url, options),
  jetstream: async (url, options) => (await import('./jetstream.ts')).openJetstream(url, options),
  nats: async (url, options) => (await import('./nats.ts')).openNats(url, options),
  redis: async (url, options) => (await import('./redis.ts')).openRedis(url, options),
  'redis-streams': async (url, options) => (await import('./redis-streams.ts')).openRedisStreams(url, options),
  rediss: async (url, options) => (await import('./redis.ts')).openRedis(url, options),
}

export const messagingSchemes: readonly string[] = Object.keys(drivers)

const known = messagingSchemes.map((scheme) => `${scheme}:`).join(', ')

/**
 * Opens the driver that the URL's scheme names. Rejects with MessagingUrlError for an unknown scheme or a bad URL; the
 * message holds the scheme, never the rest of the URL, where credentials may be.
 */
export const openDriver = async (url: string, options: OpenOptions = {}): Promise<Driver> => {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase()
  if (scheme === undefined)
    throw new MessagingUrlError(`the messaging URL has no scheme: begin it with one of ${known}`)
  const open = Object.hasOwn(drivers, scheme) ? drivers[scheme] : undefined
  if (open === undefined) throw new MessagingUrlError(`no messaging driver for ${scheme}: use one of ${known}`)
  return open(url, options)
}
