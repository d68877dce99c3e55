import { createClient, type RedisArgument } from '@redis/client'

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
