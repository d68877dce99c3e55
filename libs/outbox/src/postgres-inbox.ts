import type { Database } from '@armature/database/database'
import type { Inbox, InboxKey } from '@armature/messaging/inbox'
import { createPurge, digestOf, enter } from './inbox-rows.ts'

const finish = `
  insert into messaging_inbox (handler, key, contents, handled, until)
  values ($1, $2, $3, true, now() + $4 * interval '1 millisecond')
  on conflict (handler, key) do update set contents = excluded.contents, handled = true, until = excluded.until`

const release = 'delete from messaging_inbox where handler = $1 and key = $2 and not handled'

/** An inbox in PostgreSQL, in the tables of `outboxMigrations`. Times are those of the server. */
export const createPostgresInbox = (database: Database): Inbox => {
  const purge = createPurge(database)
  const ids = (key: InboxKey) => [key.handler, digestOf(key)]
  return {
    claim: async (key, { contents, leaseMs }) => {
      purge()
      const known = await enter(database, { ...key, contents, isHandled: false, forMs: leaseMs })
      if (known === undefined) return { state: 'claimed' }
      return known.handled ? { state: 'handled', contents: known.contents } : { state: 'busy' }
    },
    finish: async (key, { contents, expiryMs }) => {
      await database.query(finish, [...ids(key), contents, expiryMs], { name: 'inbox-finish' })
    },
    release: async (key) => {
      await database.query(release, ids(key), { name: 'inbox-release' })
    },
  }
}
