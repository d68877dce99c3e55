import { latch } from '@armature/async/latch'
import { pipelined, type RedisCommand } from './commands.ts'
import { isConnectionFault } from './faults.ts'
import type { StreamsConnection } from './streams-connection.ts'

const maxIdsAtOnce = 1_000
const retryMs = 10

/**
 * The acknowledgements of a consumer. Those of one turn of the event loop are sent together, and again where a connection was lost meanwhile.
 */
export interface StreamsAcks {
  add(topic: string, id: string): void
  /** Acknowledgements that the server has not confirmed. */
  readonly underWay: number
  /** Resolves when all are confirmed. */
  flushed(): Promise<void>
}

/** No acknowledgements yet. */
export const streamsAcks = (connection: StreamsConnection, group: string): StreamsAcks => {
  const waiting = new Map<string, string[]>()
  const allConfirmed = latch()
  let underWay = 0
  let state: 'idle' | 'scheduled' | 'sending' = 'idle'

  const schedule = () => {
    state = 'scheduled'
    setImmediate(() => void sendWaiting())
  }

  const sendWaiting = async () => {
    state = 'sending'
    const commands = [...waiting].flatMap(([topic, ids]) => commandsOf(topic, ids))
    const count = [...waiting.values()].reduce((sum, ids) => sum + ids.length, 0)
    waiting.clear()
    await send(commands)
    underWay -= count
    state = 'idle'
    if (waiting.size > 0) schedule()
    else allConfirmed.open()
  }

  const commandsOf = (topic: string, ids: readonly string[]): RedisCommand[] =>
    Array.from({ length: Math.ceil(ids.length / maxIdsAtOnce) }, (_, at) => {
      const some = ids.slice(at * maxIdsAtOnce, (at + 1) * maxIdsAtOnce)
      return ['XACK', connection.prefix + topic, group, ...some]
    })

  const send = async (commands: readonly RedisCommand[]) => {
    for (;;) {
      try {
        await pipelined(await connection.connected(), commands)
        return
      } catch (error) {
        // An entry whose acknowledgement the server refuses stays pending there, and comes again.
        if (connection.isClosed || !isConnectionFault(error)) return
        await new Promise((resolve) => setTimeout(resolve, retryMs))
      }
    }
  }

  return {
    add: (topic, id) => {
      const ids = waiting.get(topic)
      if (ids === undefined) waiting.set(topic, [id])
      else ids.push(id)
      underWay++
      if (state === 'idle') schedule()
    },
    get underWay() {
      return underWay
    },
    flushed: () => (underWay === 0 ? Promise.resolve() : allConfirmed.wait()),
  }
}
