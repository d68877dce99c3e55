import { type Database, DatabaseError, type Queryable } from '@armature/database/database'
import type { HandlerStore } from '@armature/messaging/handler-store'
import { RedeliverError } from '@armature/messaging/redeliver-error'
import { createPurge, enter } from './inbox-rows.ts'
import { storeMessages } from './outbox-rows.ts'

export interface PostgresStoreOptions {
  /** How long a message is remembered after it was handled. Default 604,800,000 (7 days). */
  readonly expiryMs?: number
  /** Called when messages were stored: `wake` of the relay, so that they do not wait for its next look. */
  readonly onStored?: () => void
}

/** SQLSTATE classes of a server that is away, shuts down or has no room. */
const awayClasses = ['08', '53', '57']

/** Of a statement that took too long, too: where it is the handler's own, the message is at fault, or the handler. */
const canceledCode = '57014'

/**
 * A store for the option `store` of `on`, in PostgreSQL: what the handler does by `within`, the entry in the inbox and the messages in the outbox are
 * one transaction. `openOutboxRelay` publishes them. The tables are those of `outboxMigrations`.
 */
export const createPostgresStore = (
  database: Database,
  options: PostgresStoreOptions = {},
): HandlerStore<Queryable> => {
  const { expiryMs = 604_800_000, onStored } = options
  const purge = createPurge(database)
  return {
    handle: async ({ handler, key, contents }, work) => {
      purge()
      let stored = 0
      let failure: unknown
      try {
        const outcome = await database.transaction(async (within) => {
          const known = await enter(within, { handler, key, contents, isHandled: true, forMs: expiryMs })
          if (known !== undefined) {
            if (!known.handled) throw new RedeliverError('busy', 'another process handles the message')
            return known.contents === contents ? 'repeat' : 'reused'
          }
          const messages = await work(within).catch((error: unknown) => {
            failure = error
            throw error
          })
          await storeMessages(within, messages)
          stored = messages.length
          return 'handled'
        })
        if (stored > 0) onStored?.()
        return outcome
      } catch (error) {
        const isAway = error instanceof DatabaseError && awayClasses.includes(error.code.slice(0, 2))
        if (!isAway || (error === failure && error.code === canceledCode)) throw error
        throw new RedeliverError('store-away', `the store is away (${error.message})`, { cause: error })
      }
    },
  }
}
