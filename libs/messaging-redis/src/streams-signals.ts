import { isPattern } from '@armature/messaging/topic-pattern'
import type { RedisClient, RedisCommand } from './commands.ts'
import { call, dataSetScript } from './streams-scripts.ts'
import { topicFollowers, type RegisteredTopic } from './streams-topic-followers.ts'

export interface SignalsParts {
  readonly prefix: string
  readonly send: <Reply>(command: RedisCommand) => Promise<Reply>
  /** Whether the server can be asked at this moment. */
  readonly isConnected: () => boolean
}

/**
 * Events that other clients and the server announce to this one. They come as messages on the channel `.signals`, and within a second by a
 * poll, since a message may be missed and no message says that a server was emptied. Each function returns a function that ends it.
 */
export interface StreamsSignals {
  /** Calls `onTopic` for each topic of the pattern that is registered after the number `lastNumber`. */
  onTopic(pattern: string, lastNumber: number, onTopic: (topic: string) => void): () => void
  /** Calls `onEmptied` when the server was emptied or replaced by an empty one, and again at each poll until it resolves. */
  onEmptied(onEmptied: () => Promise<void>): () => void
  /** Calls `onReturned` when another consumer of the group gave entries or a lease back. */
  onReturned(group: string, onReturned: () => void): () => void
  /** Subscribes a new client to the channel. Rejects where the client is lost. */
  prepare(client: RedisClient): Promise<void>
  /** Ends the poll. */
  close(): void
}

const pollMs = 1_000

/** Polls from now on. */
export const streamsSignals = ({ prefix, send, isConnected }: SignalsParts): StreamsSignals => {
  const followers = topicFollowers()
  const emptied = retriedCallbacks()
  const returned = new Set<{ readonly group: string; readonly onReturned: () => void }>()
  /** The data set that the server held at the last look. */
  let dataSet: string | undefined
  let polling: Promise<void> | undefined

  const look = async () => {
    const [current, lastNumber] = await send<[string, number]>(call(dataSetScript, prefix))
    const isEmptied = dataSet !== undefined && dataSet !== current
    dataSet = current
    followers.restart(isEmptied, lastNumber)
    if (isEmptied) emptied.request()
    await emptied.run()
    if (followers.size > 0) followers.report(await registeredAfter(followers.lastNumber))
  }

  const registeredAfter = async (number: number): Promise<RegisteredTopic[]> => {
    const reply = await send<(string | number)[]>([
      'ZRANGEBYSCORE',
      `${prefix}.topics`,
      `(${number}`,
      '+inf',
      'WITHSCORES',
    ])
    return pairs(reply.flat())
      .map(([topic, score]) => ({ topic: String(topic), number: Number(score) }))
      .filter((registered) => Number.isFinite(registered.number))
  }

  const poll = () => {
    if (!isConnected()) return
    polling ??= look()
      .catch(() => undefined)
      .finally(() => (polling = undefined))
  }
  const pollTimer = setInterval(poll, pollMs).unref()

  const onSignal = (signal: string) => {
    if (signal === 'topic') poll()
    for (const { group, onReturned } of returned) if (signal === `returned ${group}`) onReturned()
  }

  return {
    onTopic: (pattern, lastNumber, onTopic) =>
      isPattern(pattern) ? followers.add(pattern, lastNumber, onTopic) : () => undefined,
    onEmptied: emptied.add,
    onReturned: (group, onReturned) => {
      const watcher = { group, onReturned }
      returned.add(watcher)
      return () => returned.delete(watcher)
    },
    prepare: async (client) => {
      dataSet ??= (await client.sendCommand<[string, number]>([...call(dataSetScript, prefix)]).catch(() => []))[0]
      // A user without the right to listen learns the same from the poll.
      await client.subscribe(`${prefix}.signals`, onSignal).catch((error: unknown) => {
        if (!client.isReady) throw error
      })
    },
    close: () => clearInterval(pollTimer),
  }
}

type Callback = () => Promise<void>

/** Callbacks that are called after a request, and again at each `run` until they have resolved once. */
const retriedCallbacks = () => {
  const all = new Set<Callback>()
  const due = new Set<Callback>()
  return {
    add: (callback: Callback) => {
      all.add(callback)
      return () => {
        all.delete(callback)
        due.delete(callback)
      }
    },
    request: () => {
      for (const callback of all) due.add(callback)
    },
    /** Rejects with the first rejection; the callbacks that are left are called by the next run. */
    run: async () => {
      for (const callback of due) {
        await callback()
        due.delete(callback)
      }
    },
  }
}

const pairs = (list: readonly (string | number)[]): [string | number, string | number][] =>
  Array.from({ length: list.length / 2 }, (_, at) => [list[2 * at] ?? '', list[2 * at + 1] ?? ''])
