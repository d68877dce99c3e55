import { pipelined, type RedisCommand } from './connection.ts'
import { isConnectionFault } from './faults.ts'
import type { StreamsLink } from './streams-connection.ts'

const mostIdsAtOnce = 1_000

/** Acknowledgements on their way: those of one turn of the event loop go together, and again after a connection that was lost. */
export interface StreamsAcks {
  add(topic: string, id: string): void
  /** Not yet confirmed. */
  readonly pending: number
  /** Resolves when all are confirmed. */
  flushed(): Promise<void>
}

/** Of one group. */
export const streamsAcks = (link: StreamsLink, group: string): StreamsAcks => {
  const waiting = new Map<string, string[]>()
  let pending = 0
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
      for (let at = 0; at < ids.length; at += mostIdsAtOnce) {
        commands.push(['XACK', link.prefix + topic, group, ...ids.slice(at, at + mostIdsAtOnce)])
      }
    }
    for (;;) {
      try {
        await pipelined(await link.connected(), commands)
        break
      } catch (error) {
        // What the server refuses stays pending there, and comes again.
        if (link.isClosed || !isConnectionFault(error)) break
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
    pending -= count
  }

  return {
    add: (topic, id) => {
      const ids = waiting.get(topic)
      if (ids === undefined) waiting.set(topic, [id])
      else ids.push(id)
      pending++
      schedule()
    },
    get pending() {
      return pending
    },
    flushed: () => (pending === 0 ? Promise.resolve() : new Promise((resolve) => whenFlushed.push(resolve))),
  }
}
