import { redisConnection, type RedisClient } from './connection.ts'
import { isConnectionFault } from './faults.ts'
import type { Entry } from './streams-codec.ts'
import { scheme, type StreamsLink } from './streams-connection.ts'
import { reconnectDelayMs } from '@armature/async/backoff'

/** What a blocking read answers: each stream's key and its new entries; null where nothing came. */
export type ReadReply = readonly (Buffer | readonly Entry[])[] | null

export interface IntakeParts {
  readonly link: StreamsLink
  /** Before the first read of each connection. */
  readonly onConnect: (client: RedisClient) => Promise<void>
  /** Resolves when there is room for more. */
  readonly room: () => Promise<void>
  /**
   * Reads once, blocking for `blockMs` at most, and hands over what came. Answers how many ms to wait before the next read, unless
   * something changes.
   */
  readonly read: (client: RedisClient) => Promise<number>
  readonly warn: (problem: string) => void
}

/** The loop of one subscription, on a connection of its own, since a read that waits holds its connection up. */
export interface Intake {
  /** Ends a read that waits, so that the next begins: something changed. */
  interrupt(): void
  /** No read begins any more. Resolves when the last has ended, after `waitMs` at most; the connection is closed then. */
  stop(waitMs: number): Promise<void>
}

/** How long a read waits on the server; a change that could not interrupt it is seen then. */
export const blockMs = 2_000
/** For a read that does not even end then, the connection is dead. */
const graceMs = 10_000
const interruptAgainMs = 20

/** Begins to read. */
export const streamsIntake = ({ link, onConnect, room, read, warn }: IntakeParts): Intake => {
  const connection = redisConnection({ scheme, address: link.address, heartbeat: false })
  let stopped = false
  let clientId: string | undefined
  let reads = 0
  let isReading = false
  let wake: () => void = () => undefined

  /** Until something changes, or for a while. */
  const change = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  const run = async () => {
    let seen: RedisClient | undefined
    let failures = 0
    while (!stopped) {
      try {
        const client = await connection.connected(blockMs)
        if (client !== seen) {
          clientId = String(await client.sendCommand<number>(['CLIENT', 'ID']).catch(() => ''))
          await onConnect(client)
          seen = client
        }
        await room()
        if (stopped) break
        const deadTimer = setTimeout(() => connection.suspect(client), blockMs + graceMs).unref()
        isReading = true
        const waitMs = await read(client).finally(() => {
          isReading = false
          reads++
          clearTimeout(deadTimer)
        })
        failures = 0
        if (waitMs > 0 && !stopped) await change(waitMs)
      } catch (error) {
        seen = undefined
        if (stopped) break
        // A lost connection is made again by itself; what the server refuses may be put right there.
        if (!isConnectionFault(error) && failures === 0) {
          warn(`${scheme}: reading fails and is tried again: ${(error as Error).message}`)
        }
        await change(reconnectDelayMs(++failures))
      }
    }
    connection.close()
  }

  /** The server may get to know of the read after this: again until the read has ended. */
  const interrupt = async () => {
    wake()
    const before = reads
    while (isReading && reads === before && clientId !== undefined && clientId !== '') {
      const isRefused = await unblock(clientId)
      if (isRefused) return
      if (isReading && reads === before) await pause(interruptAgainMs)
    }
  }

  const unblock = async (id: string): Promise<boolean> => {
    try {
      await link.client?.sendCommand(['CLIENT', 'UNBLOCK', id])
      return link.client === undefined
    } catch {
      return true
    }
  }

  const running = run()

  return {
    interrupt: () => void interrupt(),
    stop: async (waitMs) => {
      stopped = true
      if (connection.client === undefined) connection.close()
      void interrupt()
      const timer = setTimeout(() => connection.close(), waitMs)
      await running
      clearTimeout(timer)
    },
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
