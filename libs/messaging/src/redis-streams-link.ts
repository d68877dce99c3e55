import { listReplies, redisConnection, type RedisClient, type RedisCommand } from './redis-connection.ts'
import type { RedisAddress } from './redis-settings.ts'
import { call } from './redis-streams-scripts.ts'
import { isPattern, matches } from './topic-pattern.ts'

export const scheme = 'redis-streams'

/** Readers' private groups are named so; a group of the user cannot be. */
export const readerPrefix = 'armature.reader:'

const pollMs = 1_000
/** For calls that nobody waits for. */
const patienceMs = 2_147_483_647

export interface LinkParts {
  readonly address: RedisAddress
  readonly prefix: string
}

/** The connection of a driver that never blocks: publishes, settlements, scripts, and the signals of the others. */
export interface StreamsLink {
  readonly prefix: string
  readonly address: RedisAddress
  readonly client: RedisClient | undefined
  readonly isClosed: boolean
  /** Changes with each connection. */
  readonly epoch: number
  connected(waitMs?: number): Promise<RedisClient>
  /** Runs a script. Rejects with what the client or the server said. */
  run<Reply>(script: string, ...args: readonly string[]): Promise<Reply>
  send<Reply>(command: RedisCommand): Promise<Reply>
  /** Calls `onTopic` for each topic of the pattern that is registered after the number `since`. Answers how to end that. */
  follow(pattern: string, since: number, onTopic: (topic: string) => void): () => void
  /** Calls `onReturned` when messages of the group may be free. Answers how to end that. */
  watch(group: string, onReturned: () => void): () => void
  close(): void
}

interface Follower {
  readonly pattern: string
  since: number
  readonly onTopic: (topic: string) => void
}

/** Connects; waits for it with `connected`. */
export const streamsLink = ({ address, prefix }: LinkParts): StreamsLink => {
  const followers = new Set<Follower>()
  const watchers = new Set<{ readonly group: string; readonly onReturned: () => void }>()
  let epoch = 0
  let isClosed = false
  let polling: Promise<void> | undefined
  let pollTimer: NodeJS.Timeout | undefined

  const heed = (signal: string) => {
    if (signal === 'topic') poll()
    for (const { group, onReturned } of watchers) if (signal === `returned ${group}`) onReturned()
  }

  const connection = redisConnection({
    scheme,
    address,
    onConnect: async (client) => {
      epoch++
      // Who may not listen learns the same by polling.
      await client.subscribe(`${prefix}.signals`, heed).catch((error: unknown) => {
        if (!client.isReady) throw error
      })
    },
  })

  const send = async <Reply>(command: RedisCommand): Promise<Reply> => {
    const client = connection.client ?? (await connection.connected(patienceMs))
    return client.sendCommand<Reply>([...command], listReplies)
  }

  const look = async () => {
    const since = Math.min(...[...followers].map((each) => each.since))
    const found = await send<(string | number)[]>([
      'ZRANGEBYSCORE',
      `${prefix}.topics`,
      `(${since}`,
      '+inf',
      'WITHSCORES',
    ]).catch(() => [])
    for (const [topic, score] of pairs(found.flat())) {
      for (const follower of followers) {
        const isNews = Number.isFinite(Number(score)) && Number(score) > follower.since
        if (isNews && matches(follower.pattern, String(topic))) follower.onTopic(String(topic))
      }
    }
    const last = Math.max(
      0,
      ...pairs(found.flat())
        .map(([, score]) => Number(score))
        .filter(Number.isFinite),
    )
    for (const follower of followers) follower.since = Math.max(follower.since, last)
  }

  const poll = () => {
    if (followers.size === 0 || connection.client === undefined) return
    polling ??= look().finally(() => (polling = undefined))
  }

  return {
    prefix,
    address,
    get client() {
      return connection.client
    },
    get isClosed() {
      return isClosed
    },
    get epoch() {
      return epoch
    },
    connected: (waitMs = patienceMs) => connection.connected(waitMs),
    run: (script, ...args) => send(call(script, prefix, ...args)),
    send,
    follow: (pattern, since, onTopic) => {
      if (!isPattern(pattern)) return () => undefined
      const follower: Follower = { pattern, since, onTopic }
      followers.add(follower)
      pollTimer ??= setInterval(poll, pollMs).unref()
      return () => followers.delete(follower)
    },
    watch: (group, onReturned) => {
      const watcher = { group, onReturned }
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    close: () => {
      isClosed = true
      clearInterval(pollTimer)
      connection.close()
    },
  }
}

const pairs = (list: readonly (string | number)[]): [string | number, string | number][] =>
  Array.from({ length: list.length / 2 }, (_, at) => [list[2 * at] ?? '', list[2 * at + 1] ?? ''])
