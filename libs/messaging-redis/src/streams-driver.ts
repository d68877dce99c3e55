import { systemClock } from '@armature/async/clock'
import { createDriver } from '@armature/messaging-kit/create-driver'
import type { OpenOptions } from '@armature/messaging-kit/open-options'
import type { Driver, Guarantees } from '@armature/messaging/ports'
import { streamsBrowser } from './streams-browser.ts'
import { streamsCapacity } from './streams-capacity.ts'
import { scheme, streamsConnection } from './streams-connection.ts'
import { isDurable } from './streams-durability.ts'
import { streamsPublisher } from './streams-publisher.ts'
import { streamsSettings } from './streams-settings.ts'
import { openStreamsSubscription } from './streams-subscription.ts'

/** The guarantees of a server that keeps its data over a restart. */
export const redisStreamsGuarantees: Guarantees = {
  atLeastOnce: true,
  order: 'topic',
  replay: true,
  groups: true,
  wildcards: true,
  headers: true,
  delay: true,
}

/**
 * A client of a Redis server's streams: `redis-streams://user:password@host:port/database`. At least once where the server keeps its data
 * (`appendonly yes`). Elsewhere the driver warns and does not declare it. Rejects with MessagingUrlError for a bad URL and ConnectError where
 * the server cannot be used.
 */
export const openRedisStreams = async (url: string, options: OpenOptions = {}): Promise<Driver> => {
  const { source = '/armature', warn = (problem: string) => process.emitWarning(problem) } = options
  const settings = await streamsSettings(url)
  const { maxMessages, maxMessageBytes, claimIdleMs, publishWaitMs, connectWaitMs, closeWaitMs } = settings

  const connection = streamsConnection(settings.address, settings.prefix)
  let atLeastOnce: boolean
  try {
    await connection.connected(connectWaitMs)
    atLeastOnce = settings.isVouchedDurable || (await isDurable(connection, warn))
  } catch (error) {
    connection.close()
    throw error
  }
  const capacity = streamsCapacity(connection, maxMessages)
  const clock = options.clock ?? systemClock()

  return createDriver({
    scheme,
    guarantees: { ...redisStreamsGuarantees, atLeastOnce },
    limits: { maxMessageBytes },
    send: streamsPublisher({ connection, capacity, source, publishWaitMs }).send,
    open: (request) =>
      openStreamsSubscription({ connection, request, clock, claimIdleMs, closeWaitMs, warn }, connectWaitMs),
    browser: streamsBrowser(connection, connectWaitMs),
    probe: connection.ping,
    end: async () => {
      capacity.close()
      connection.close()
    },
    closeWaitMs,
    clock: options.clock,
  })
}
