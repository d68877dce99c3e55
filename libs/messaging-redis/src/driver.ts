import { createDriver } from '@armature/messaging-kit/create-driver'
import type { OpenOptions } from '@armature/messaging-kit/open-options'
import type { Driver, Guarantees } from '@armature/messaging/ports'
import { channelListeners } from './channel-listeners.ts'
import { redisConnection } from './connection.ts'
import { channelPublisher } from './publisher.ts'
import { redisUrl, wholeOption } from './settings.ts'
import { openChannelSubscription } from './subscription.ts'

export const redisGuarantees: Guarantees = {
  atLeastOnce: false,
  order: 'topic',
  replay: false,
  groups: false,
  wildcards: true,
  headers: true,
  delay: false,
}

const shape = {
  schemes: ['redis', 'rediss'],
  defaultPort: 6379,
  options: { maxMessageBytes: 'integer', maxHeld: 'integer', maxHeldBytes: 'integer' },
} as const

/**
 * A client of a Redis server's channels: at most once, to the subscribers of that moment. `redis://user:password@host:port/database`, TLS
 * with `rediss:`. Rejects with MessagingUrlError for a bad URL and ConnectError where the server cannot be used.
 */
export const openRedis = async (url: string, options: OpenOptions = {}): Promise<Driver> => {
  const { source = '/armature', warn = (problem: string) => process.emitWarning(problem), clock } = options
  const { address, settings } = await redisUrl(url, shape)
  const { publishWaitMs, connectWaitMs, closeWaitMs } = settings
  const limits = { maxMessageBytes: wholeOption(settings, 'maxMessageBytes', 1024 * 1024, 1) }
  const maxHeld = wholeOption(settings, 'maxHeld', 65_536, 1)
  const maxHeldBytes = wholeOption(settings, 'maxHeldBytes', 64 * 1024 * 1024, 1)

  const connection = redisConnection({ scheme: 'redis', address })
  try {
    await connection.connected(connectWaitMs)
  } catch (error) {
    connection.close()
    throw error
  }
  const listeners = channelListeners(address, connectWaitMs)

  return createDriver({
    scheme: 'redis',
    guarantees: redisGuarantees,
    instead: 'use redis-streams:',
    limits,
    send: channelPublisher({ connection, source, publishWaitMs }).send,
    open: (request) => openChannelSubscription({ listeners, clock, warn, maxHeld, maxHeldBytes }, request),
    probe: connection.ping,
    end: async () => {
      listeners.close()
      connection.close()
    },
    closeWaitMs,
    clock,
  })
}
