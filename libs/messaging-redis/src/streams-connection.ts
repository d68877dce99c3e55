import { listReplies, redisConnection, type RedisClient, type RedisCommand } from './connection.ts'
import type { RedisAddress } from './settings.ts'
import { call, lifeScript } from './streams-scripts.ts'
import { isPattern, matches } from '@armature/messaging/topic-pattern'

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
  ping(): Promise<void>
  /** Runs a script. Rejects with what the client or the server said. */
  run<Reply>(script: string, ...args: readonly string[]): Promise<Reply>
  send<Reply>(command: RedisCommand): Promise<Reply>
  /** Calls `onTopic` for each topic of the pattern that is registered after the number `since`. Answers how to end that. */
  follow(pattern: string, since: number, onTopic: (topic: string) => void): () => void
  /**
   * Calls `onNewLife` when the server was emptied, or replaced by an empty one: within a second, since no sign of that comes by itself, and again
   * each second until it resolves. Answers how to end that.
   */
  heedLife(onNewLife: () => Promise<void>): () => void
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
  const lives = new Set<() => Promise<void>>()
  /** Of these, those that have yet to do what a new life wants. */
  const due = new Set<() => Promise<void>>()
  let life: string | undefined

  const heed = (signal: string) => {
    if (signal === 'topic') poll()
    for (const { group, onReturned } of watchers) if (signal === `returned ${group}`) onReturned()
  }

  const connection = redisConnection({
    scheme,
    address,
    onConnect: async (client) => {
      epoch++
      life ??= (await client.sendCommand<[string, number]>([...call(lifeScript, prefix)]).catch(() => []))[0]
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
    const [current, sequence] = await send<[string, number]>(call(lifeScript, prefix))
    const isNew = life !== undefined && life !== current
    life = current
    for (const follower of followers) if (isNew || sequence < follower.since) follower.since = 0
    if (isNew) for (const onNewLife of lives) due.add(onNewLife)
    for (const onNewLife of due) await onNewLife().then(() => due.delete(onNewLife))
    if (followers.size === 0) return
    const since = Math.min(...[...followers].map((each) => each.since))
    const range = ['ZRANGEBYSCORE', `${prefix}.topics`, `(${since}`, '+inf', 'WITHSCORES']
    const found = pairs((await send<(string | number)[]>(range)).flat())
      .map(([topic, score]) => ({ topic: String(topic), number: Number(score) }))
      .filter(({ number }) => Number.isFinite(number))
    for (const { topic, number } of found) {
      for (const { pattern, since: known, onTopic } of followers) {
        if (number > known && matches(pattern, topic)) onTopic(topic)
      }
    }
    const last = Math.max(0, ...found.map(({ number }) => number))
    for (const follower of followers) follower.since = Math.max(follower.since, last)
  }

  const poll = () => {
    if (connection.client === undefined) return
    polling ??= look()
      .catch(() => undefined)
      .finally(() => (polling = undefined))
  }
  const pollTimer = setInterval(poll, pollMs).unref()

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
    ping: connection.ping,
    run: (script, ...args) => send(call(script, prefix, ...args)),
    send,
    follow: (pattern, since, onTopic) => {
      if (!isPattern(pattern)) return () => undefined
      const follower: Follower = { pattern, since, onTopic }
      followers.add(follower)
      return () => followers.delete(follower)
    },
    heedLife: (onNewLife) => {
      lives.add(onNewLife)
      return () => void [lives, due].map((set) => set.delete(onNewLife))
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
