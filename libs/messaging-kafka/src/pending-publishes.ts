import { PublishError } from '@armature/messaging/errors'
import { faultText } from './faults.ts'
import type { Call } from './send-queue.ts'

/** Publishes whose records the broker does not hold yet. Each is given up after `publishWaitMs`. */
export interface PendingPublishes {
  /** Resolves when `settle` is called for each record of it. Rejects with PublishError. */
  wait(topic: string, records: number, untilMs: number, enqueue: (call: Call) => void): Promise<void>
  /** One more record of the call is held. */
  confirm(call: Call): void
  reject(call: Call, error: Error): void
  /** The error for what the broker did not confirm in time. */
  unavailable(topic: string, why: unknown, cause?: unknown): PublishError
  /** Rejects all as closed. */
  close(): void
}

const expiryCheckMs = 100

/** None yet. `lastFault` tells why the broker confirms nothing. */
export const pendingPublishes = (publishWaitMs: number, lastFault: () => unknown): PendingPublishes => {
  /** Oldest first. */
  const calls = new Set<Call>()
  let expiry: NodeJS.Timeout | undefined

  const settle = (call: Call, error: Error | undefined) => {
    if (call.done) return
    call.done = true
    calls.delete(call)
    if (error === undefined) call.resolve()
    else call.reject(error)
    if (calls.size > 0) return
    clearInterval(expiry)
    expiry = undefined
  }

  const unavailable = (topic: string, why: unknown, cause?: unknown): PublishError =>
    new PublishError(`Kafka did not confirm it within ${publishWaitMs} ms: ${faultText(why)}`, {
      topic,
      fault: 'unavailable',
      cause,
    })

  /** All calls wait equally long, so the oldest is given up first. */
  const expire = () => {
    const nowMs = performance.now()
    for (const call of calls) {
      if (call.untilMs > nowMs) break
      settle(call, unavailable(call.topic, lastFault() ?? 'it is slow'))
    }
  }

  return {
    wait: (topic, records, untilMs, enqueue) =>
      new Promise<void>((resolve, reject) => {
        const call: Call = { topic, left: records, untilMs, done: false, resolve, reject }
        calls.add(call)
        expiry ??= setInterval(expire, expiryCheckMs)
        enqueue(call)
      }),
    confirm: (call) => {
      if (--call.left === 0) settle(call, undefined)
    },
    reject: settle,
    unavailable,
    close: () => {
      for (const call of calls) settle(call, closedError(call.topic))
    },
  }
}

/** The error of a publish that the connection did not outlive. */
export const closedError = (topic: string): PublishError =>
  new PublishError('the connection was closed before the broker confirmed it', { topic, fault: 'closed' })
