import { within } from '@armature/async/within'
import type { ConnectError } from '@armature/messaging/errors'
import type { RedisClient } from './commands.ts'

/** The callers that wait for a connection to have a client. */
export interface ClientWaiters {
  /** Resolves with the next client. Rejects with `lateError()` after `waitMs`. */
  wait(waitMs: number, lateError: () => ConnectError): Promise<RedisClient>
  /** Gives the client to all that wait. */
  resolve(client: RedisClient): void
  /** Rejects all that wait. */
  reject(error: ConnectError): void
}

/** No caller waits yet. */
export const clientWaiters = (): ClientWaiters => {
  const waiting = new Set<PromiseWithResolvers<RedisClient>>()

  const takeAll = () => {
    const all = [...waiting]
    waiting.clear()
    return all
  }

  return {
    wait: async (waitMs, lateError) => {
      const waiter = Promise.withResolvers<RedisClient>()
      waiting.add(waiter)
      try {
        return (await within(waitMs, waiter.promise)) ?? Promise.reject(lateError())
      } finally {
        waiting.delete(waiter)
      }
    },
    resolve: (client) => takeAll().forEach((waiter) => waiter.resolve(client)),
    reject: (error) => takeAll().forEach((waiter) => waiter.reject(error)),
  }
}
