import { MessagingUrlError } from '@armature/messaging/errors'
import type { OpenOptions } from '@armature/messaging-kit/open-options'
import type { OpenMemoryOptions } from '@armature/messaging-memory/driver'
import type { Driver } from '@armature/messaging/ports'

/** Options for drivers besides their URL. Each driver takes those that concern it. */
export type OpenDriverOptions = OpenOptions & OpenMemoryOptions

/** A driver is loaded when its scheme is asked for. */
const drivers: Readonly<Record<string, (url: string, options: OpenDriverOptions) => Promise<Driver>>> = {
  memory: async (url, options) => (await import('@armature/messaging-memory/driver')).openMemory(url, options),
  amqp: async (url, options) => (await import('@armature/messaging-amqp/driver')).openAmqp(url, options),
  amqps: async (url, options) => (await import('@armature/messaging-amqp/driver')).openAmqp(url, options),
  kafka: async (url, options) => (await import('@armature/messaging-kafka/driver')).openKafka(url, options),
  jetstream: async (url, options) =>
    (await import('@armature/messaging-nats/jetstream-driver')).openJetstream(url, options),
  nats: async (url, options) => (await import('@armature/messaging-nats/driver')).openNats(url, options),
  redis: async (url, options) => (await import('@armature/messaging-redis/driver')).openRedis(url, options),
  'redis-streams': async (url, options) =>
    (await import('@armature/messaging-redis/streams-driver')).openRedisStreams(url, options),
  rediss: async (url, options) => (await import('@armature/messaging-redis/driver')).openRedis(url, options),
}

export const messagingSchemes: readonly string[] = Object.keys(drivers)

const known = messagingSchemes.map((scheme) => `${scheme}:`).join(', ')

/**
 * Opens the driver that the URL's scheme names. Rejects with MessagingUrlError for an unknown scheme or a bad URL; the
 * message holds the scheme, never the rest of the URL, where credentials may be.
 */
export const openDriver = async (url: string, options: OpenDriverOptions = {}): Promise<Driver> => {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase()
  if (scheme === undefined)
    throw new MessagingUrlError(`the messaging URL has no scheme: begin it with one of ${known}`)
  const open = Object.hasOwn(drivers, scheme) ? drivers[scheme] : undefined
  if (open === undefined) throw new MessagingUrlError(`no messaging driver for ${scheme}: use one of ${known}`)
  return open(url, options)
}
