import { pipelined, type RedisClient } from './commands.ts'
import { isReplyOf } from './faults.ts'
import type { StreamsConnection } from './streams-connection.ts'
import { settledId, type Cursors } from './streams-cursors.ts'
import { renewReaderScript } from './streams-scripts.ts'

/** The lease of the private group of a reader. A reader that died holds up its streams for so long. */
export const readerLeaseMs = 60_000

export interface ReaderSavesParts {
  readonly connection: StreamsConnection
  /** The private group of the reader. */
  readonly group: string
  readonly cursors: Cursors
  /** Called when the server does not know the group: the lease ran out in a long outage, or a stream was deleted. */
  readonly onGroupGone: () => Promise<void>
}

/** How often cursors that moved are saved. A stream at its bound waits for that. */
const everyMs = 100

/**
 * Saves up to where the reader has settled all, as the place of its private group, and renews the lease of the group. Answers how to end that.
 */
export const startSaving = ({ connection, group, cursors, onGroupGone }: ReaderSavesParts): (() => void) => {
  const { prefix } = connection
  let nextLeaseMs = performance.now() + readerLeaseMs / 3
  let saving: Promise<void> | undefined

  const renewLease = async (client: RedisClient) => {
    nextLeaseMs = performance.now() + readerLeaseMs / 3
    await client.sendCommand(['EVAL', renewReaderScript, '0', prefix, group, String(readerLeaseMs)])
  }

  const save = async (client: RedisClient) => {
    if (performance.now() >= nextLeaseMs) await renewLease(client)
    const moved = [...cursors].filter(([, cursor]) => settledId(cursor) !== cursor.savedId)
    const commands = moved.map(([topic, cursor]) => {
      cursor.savedId = settledId(cursor)
      return ['XGROUP', 'SETID', prefix + topic, group, cursor.savedId]
    })
    if (commands.length === 0) return
    await pipelined(client, commands).catch(async (error: unknown) => {
      if (!isReplyOf(error, 'NOGROUP')) throw error
      await onGroupGone()
    })
  }

  const timer = setInterval(() => {
    if (connection.client === undefined) return
    saving ??= save(connection.client)
      .catch(() => undefined)
      .finally(() => (saving = undefined))
  }, everyMs).unref()
  return () => clearInterval(timer)
}
