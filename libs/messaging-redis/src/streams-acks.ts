import { pipelined, type RedisCommand } from './commands.ts'
import { isConnectionFault } from './faults.ts'
import type { StreamsConnection } from './streams-connection.ts'

const maxIdsAtOnce = 1_000

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
  let underWay = 0
  let isScheduled = false
  let sending: Promise<void> | undefined
  let whenFlushed: (() => void)[] = []

  const schedule = () => {
    if (isScheduled || sending !== undefined) return
    isScheduled = true
    setImmediate(() => {
      isScheduled = false
      sending = send().finally(() => {
        sending = undefined
        if (waiting.size > 0) return schedule()
        const due = whenFlushed
        whenFlushed = []
        for (const resolve of due) resolve()
      })
    })
  }

  const send = async () => {
    const commands: RedisCommand[] = []
    const taken = [...waiting]
    let count = 0
    waiting.clear()
    for (const [topic, ids] of taken) {
      count += ids.length
      for (let at = 0; at < ids.length; at += maxIdsAtOnce) {
        commands.push(['XACK', connection.prefix + topic, group, ...ids.slice(at, at + maxIdsAtOnce)])
      }
    }
    for (;;) {
      try {
        await pipelined(await connection.connected(), commands)
        break
      } catch (error) {
        // What the server refuses stays pending there, and comes again.
        if (connection.isClosed || !isConnectionFault(error)) break
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
    underWay -= count
  }

  return {
    add: (topic, id) => {
      const ids = waiting.get(topic)
      if (ids === undefined) waiting.set(topic, [id])
      else ids.push(id)
      underWay++
      schedule()
    },
    get underWay() {
      return underWay
    },
    flushed: () => (underWay === 0 ? Promise.resolve() : new Promise((resolve) => whenFlushed.push(resolve))),
  }
}
