import { reconnectDelayMs } from '@armature/async/backoff'
import { within } from '@armature/async/within'
import type { RedisClient } from './commands.ts'
import { redisConnection } from './connection.ts'
import { isConnectionFault } from './faults.ts'
import type { Entry } from './streams-codec.ts'
import { scheme, type StreamsConnection } from './streams-connection.ts'

/** The reply of a blocking read: each stream's key and its new entries; null where none came. */
export type ReadReply = readonly (Buffer | readonly Entry[])[] | null

/** The entries of a reply, one by one, each with its topic. */
export function* entriesOf(reply: ReadReply, prefix: string): Generator<readonly [topic: string, entry: Entry]> {
  for (let at = 0; at < (reply?.length ?? 0); at += 2) {
    const topic = String(reply?.[at]).slice(prefix.length)
    for (const entry of reply?.[at + 1] as readonly Entry[]) yield [topic, entry]
  }
}

export interface ReadLoopParts {
  /** Unblocks reads. */
  readonly connection: StreamsConnection
  /** Called before the first read of each client. */
  readonly onConnect: (client: RedisClient) => Promise<void>
  /** Resolves when there is room for more entries. */
  readonly room: () => Promise<void>
  /** Reads once, blocking for `blockMs` at most. Answers how many milliseconds to pause before the next read. */
  readonly read: (client: RedisClient) => Promise<number>
  readonly warn: (problem: string) => void
}

/** The loop that reads for one subscription. It has a connection of its own, since a read that blocks holds its connection up. */
export interface ReadLoop {
  /** Ends a read that blocks and a pause, so that the next read begins. */
  interrupt(): void
  /** Begins no more reads. Resolves when the last one has ended and its connection is closed, after `waitMs` at most. */
  stop(waitMs: number): Promise<void>
}

/** How long a read blocks on the server. A change that could not interrupt it is seen after that. */
export const blockMs = 2_000
/** A connection whose read has not ended so long after `blockMs` is dead. */
const graceMs = 10_000
const interruptAgainMs = 20

type LoopState =
  /** Connects, prepares, or waits for room. */
  | { readonly name: 'preparing' }
  | { readonly name: 'reading'; isInterrupted: boolean }
  | { readonly name: 'pausing'; readonly wake: () => void }

/** Begins to read. */
export const readLoop = ({ connection: unblocking, onConnect, room, read, warn }: ReadLoopParts): ReadLoop => {
  const connection = redisConnection({ scheme, address: unblocking.address, heartbeat: false })
  let state: LoopState = { name: 'preparing' }
  let isStopped = false
  /** The client that `onConnect` was called for, and its id on the server. */
  let prepared: { readonly client: RedisClient; readonly id: string } | undefined

  const preparedClient = async (): Promise<RedisClient> => {
    const client = await connection.connected(blockMs)
    if (client !== prepared?.client) {
      const id = String(await client.sendCommand<number>(['CLIENT', 'ID']).catch(() => ''))
      await onConnect(client)
      prepared = { client, id }
    }
    return client
  }

  /** Answers how many milliseconds to pause. */
  const readOnce = async (client: RedisClient): Promise<number> => {
    const deadTimer = setTimeout(() => connection.replace(client), blockMs + graceMs).unref()
    const reading = { name: 'reading' as const, isInterrupted: false }
    state = reading
    try {
      const pauseMs = await read(client)
      return reading.isInterrupted ? 0 : pauseMs
    } finally {
      state = { name: 'preparing' }
      clearTimeout(deadTimer)
    }
  }

  const pause = async (ms: number): Promise<void> => {
    const woken = Promise.withResolvers<void>()
    state = { name: 'pausing', wake: woken.resolve }
    await within(ms, woken.promise)
    state = { name: 'preparing' }
  }

  const run = async () => {
    let failures = 0
    while (!isStopped) {
      try {
        const client = await preparedClient()
        await room()
        if (isStopped) break
        const pauseMs = await readOnce(client)
        failures = 0
        if (pauseMs > 0 && !isStopped) await pause(pauseMs)
      } catch (error) {
        prepared = undefined
        if (isStopped) break
        // A lost connection is made again by itself. What the server refuses may be put right there.
        if (!isConnectionFault(error) && failures === 0) {
          warn(`${scheme}: reading fails and is tried again: ${(error as Error).message}`)
        }
        await pause(reconnectDelayMs(++failures))
      }
    }
    connection.close()
  }

  /** The server may begin the read after it was told to unblock it: it is told again until the read has ended. */
  const interrupt = async () => {
    const interrupted = state
    if (interrupted.name === 'pausing') interrupted.wake()
    if (interrupted.name !== 'reading') return
    interrupted.isInterrupted = true
    while (state === interrupted && prepared !== undefined && prepared.id !== '') {
      if (!(await unblock(unblocking, prepared.id))) return
      if (state === interrupted) await new Promise((resolve) => setTimeout(resolve, interruptAgainMs))
    }
  }

  const running = run()

  return {
    interrupt: () => void interrupt(),
    stop: async (waitMs) => {
      isStopped = true
      if (connection.client === undefined) connection.close()
      void interrupt()
      const timer = setTimeout(() => connection.close(), waitMs)
      await running
      clearTimeout(timer)
    },
  }
}

/** Whether the server takes such commands at this moment. */
const unblock = async ({ client }: StreamsConnection, id: string): Promise<boolean> => {
  try {
    await client?.sendCommand(['CLIENT', 'UNBLOCK', id])
    return client !== undefined
  } catch {
    return false
  }
}
