import { watchBroker } from '@armature/messaging-kit/broker-watch'
import { UnencodableError } from '@armature/messaging/cloud-event-attributes'
import { PublishError, SubscribeError } from '@armature/messaging/errors'
import type { OpenOptions } from '@armature/messaging-kit/open-options'
import { checkPublish } from '@armature/messaging-kit/outgoing'
import type { Driver, Guarantees } from '@armature/messaging/ports'
import { encodePayload } from './codec.ts'
import { pipelined, redisConnection, type RedisCommand, type RedisConnection } from './connection.ts'
import { redisUrl, wholeOption } from './settings.ts'
import { redisSubscriptions } from './subscription.ts'
import { subscribeSettings } from '@armature/messaging-kit/subscribe-settings'
import { checkPattern } from '@armature/messaging/topic-pattern'

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
 * A client of a Redis server's channels: at most once, to those who listen at that moment. `redis://user:password@host:port/database`, TLS
 * with `rediss:`. Rejects with MessagingUrlError for a bad URL and ConnectError where the server cannot be used.
 */
export const openRedis = async (url: string, options: OpenOptions = {}): Promise<Driver> => {
  const { address, settings } = await redisUrl(url, shape)
  const { publishWaitMs, connectWaitMs } = settings
  const maxMessageBytes = wholeOption(settings, 'maxMessageBytes', 1024 * 1024, 1)
  const { source = '/armature', warn = (problem: string) => process.emitWarning(problem) } = options
  const connection = redisConnection({ scheme: 'redis', address })
  const subscriptions = redisSubscriptions({
    address,
    connectWaitMs,
    warn,
    clock: options.clock,
    maxHeld: wholeOption(settings, 'maxHeld', 65_536, 1),
    maxHeldBytes: wholeOption(settings, 'maxHeldBytes', 64 * 1024 * 1024, 1),
  })
  const publishing = new Set<Promise<void>>()
  let closing: Promise<void> | undefined

  try {
    await connection.connected(connectWaitMs)
  } catch (error) {
    connection.close()
    throw error
  }

  const publish: Driver['publish'] = async (topic, messages) => {
    checkPublish(topic, messages, { maxMessageBytes, closed: closing !== undefined })
    if (messages.length === 0) return
    const commands = messages.map((message): RedisCommand => {
      try {
        return ['PUBLISH', topic, encodePayload(message, source)]
      } catch (cause) {
        if (!(cause instanceof UnencodableError)) throw cause
        throw new PublishError(cause.message, { topic, fault: 'bad-message', cause })
      }
    })
    const sent = send(connection, commands, publishWaitMs).catch((cause: unknown) => {
      const problem = closing === undefined ? (cause as Error).message : 'the connection was closed meanwhile'
      throw new PublishError(problem, { topic, fault: 'unavailable', cause })
    })
    publishing.add(sent)
    try {
      await sent
    } finally {
      publishing.delete(sent)
    }
  }

  const watch = watchBroker({ clock: options.clock, probe: () => connection.ping() })

  const close = async () => {
    watch.stop()
    await subscriptions.close()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, settings.closeWaitMs)))
    await Promise.race([Promise.allSettled(publishing), late])
    clearTimeout(timer)
    connection.close()
  }

  return {
    scheme: 'redis',
    guarantees: redisGuarantees,
    publish,
    subscribe: async (topic, handle, given = {}) => {
      if (closing !== undefined) throw new SubscribeError(topic, 'the connection is closed')
      try {
        checkPattern(topic)
      } catch (error) {
        throw new SubscribeError(topic, (error as Error).message, error)
      }
      const checked = subscribeSettings(topic, given)
      if (given.group !== undefined) {
        throw new SubscribeError(topic, 'redis: has no groups, each subscriber gets every message: use redis-streams:')
      }
      if (typeof checked.from === 'object') {
        throw new SubscribeError(topic, 'redis: has no replay, nothing is kept: use redis-streams:')
      }
      return subscriptions.subscribe(topic, handle, checked)
    },
    health: () => ({ lostMs: watch.lostMs, unreadable: [] }),
    close: () => (closing ??= close()),
  }
}

/** What was sent is not sent again: who listens would get it twice. */
const send = async (connection: RedisConnection, commands: readonly RedisCommand[], waitMs: number): Promise<void> => {
  await pipelined(await connection.connected(waitMs), commands)
}
