import { hash } from 'node:crypto'
import type { Claim, Inbox, InboxKey } from '@armature/messaging/inbox'
import { redisConnection } from './connection.ts'
import { redisUrl } from './settings.ts'

const shape = { schemes: ['redis', 'rediss'], defaultPort: 6379, options: {} } as const

/** A value is `claimed`, or `handled` and the contents. The server forgets it when its time is over. */
const claimed = 'claimed'
const handled = 'handled '

const claimScript = `
local value = redis.call('GET', KEYS[1])
if value then return value end
redis.call('SET', KEYS[1], '${claimed}', 'PX', ARGV[1])
return false`

const releaseScript = `
if redis.call('GET', KEYS[1]) == '${claimed}' then redis.call('DEL', KEYS[1]) end
return false`

/** An inbox on a server of Redis. */
export interface RedisInbox extends Inbox {
  /** Ends the connection. Safe to call twice. */
  close(): Promise<void>
}

/**
 * Connects to the server of a URL (`redis:`, `rediss:`). It remembers as safely as the server does: one that is not durable, or evicts
 * keys, may forget what was handled, and the message is handled again. Rejects with MessagingUrlError for a bad URL and ConnectError where the
 * server cannot be used.
 */
export const openRedisInbox = async (url: string): Promise<RedisInbox> => {
  const { address, settings } = await redisUrl(url, shape)
  const connection = redisConnection({ scheme: 'redis', address })
  const send = async (...command: readonly string[]): Promise<string | null> => {
    const client = await connection.connected(settings.connectWaitMs)
    return client.sendCommand<string | null>([...command])
  }
  try {
    await connection.connected(settings.connectWaitMs)
  } catch (error) {
    connection.close()
    throw error
  }
  return {
    claim: async (key, { leaseMs }): Promise<Claim> => {
      const value = await send('EVAL', claimScript, '1', nameOf(key), String(Math.ceil(leaseMs)))
      if (value === null) return { state: 'claimed' }
      return value.startsWith(handled) ? { state: 'handled', contents: value.slice(handled.length) } : { state: 'busy' }
    },
    finish: async (key, { contents, expiryMs }) => {
      await send('SET', nameOf(key), `${handled}${contents}`, 'PX', String(Math.ceil(expiryMs)))
    },
    release: async (key) => {
      await send('EVAL', releaseScript, '1', nameOf(key))
    },
    close: () => {
      connection.close()
      return Promise.resolve()
    },
  }
}

/** Begins with a dot after the prefix of redis-streams:, as no key of a topic does. */
const nameOf = ({ handler, key }: InboxKey): string =>
  `armature:.inbox:${hash('sha256', JSON.stringify([handler, key]), 'hex')}`
