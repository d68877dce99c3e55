import { setTimeout } from 'node:timers/promises'
import { reconnectDelayMs } from '@armature/async/backoff'
import { JetStreamApiError } from '@nats-io/jetstream'
import { NoRespondersError, RequestError, TimeoutError } from '@nats-io/nats-core'
import { isTransient } from './jetstream-faults.ts'

/** Asks the server, again and again while it has no answer. Rejects with its error, and with the last one when the time is over. */
export type Ask = <Answer>(question: () => Promise<Answer>) => Promise<Answer>

/**
 * Servers that elect a leader, as at their start, do not answer or say that they cannot: questions are asked again for `limitMs`, from now on
 * and over all of them.
 */
export const patience = (limitMs: number): Ask => {
  const deadlineMs = performance.now() + limitMs
  return async (question) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await question()
      } catch (error) {
        const delayMs = reconnectDelayMs(attempt)
        if (!isUnanswered(error) || performance.now() + delayMs > deadlineMs) throw error
        await setTimeout(delayMs)
      }
    }
  }
}

const isUnanswered = (error: unknown): boolean =>
  error instanceof TimeoutError ||
  error instanceof NoRespondersError ||
  (error instanceof RequestError && error.isNoResponders()) ||
  (error instanceof JetStreamApiError && isTransient(error.apiError()))
