import { createClient, type RedisArgument } from '@redis/client'
import type { OpenOptions } from '@armature/messaging-kit/open-options'
import type { Driver } from '@armature/messaging/ports'
import { openRedis } from '../src/driver.ts'
import { openRedisStreams } from '../src/streams-driver.ts'

/** The driver that the URL's scheme names. */
export const openDriver = (url: string, options?: OpenOptions): Promise<Driver> =>
  url.startsWith('redis-streams:') ? openRedisStreams(url, options) : openRedis(url, options)

/** Redis as it is, without the driver. */
export interface RawRedis {
  send<Reply = unknown>(command: readonly RedisArgument[]): Promise<Reply>
  close(): void
}

/** The client alone, connected. */
export const rawRedis = async (url: string): Promise<RawRedis> => {
  const client = createClient({ url, maintNotifications: 'disabled' })
  client.on('error', () => undefined)
  await client.connect()
  return { send: (command) => client.sendCommand([...command]), close: () => client.destroy() }
}

/** The URL of the streams' driver for a Redis server's. */
export const streamsUrl = (url: string, options = ''): string =>
  `${url.replace(/^redis:/, 'redis-streams:')}?${options}`
