import { hash } from 'node:crypto'
import type { Database, Queryable } from '@armature/database/database'
import type { InboxKey } from '@armature/messaging/inbox'

/** An entry to be made: `isHandled`, or claimed for as long. */
export interface InboxEntry extends InboxKey {
  readonly contents: string
  readonly isHandled: boolean
  readonly forMs: number
}

/** The entry of somebody else. */
export interface KnownEntry {
  readonly handled: boolean
  readonly contents: string
}

/** An entry whose time is over counts as none. */
const insert = `
  insert into messaging_inbox as known (handler, key, contents, handled, until)
  values ($1, $2, $3, $4, now() + $5 * interval '1 millisecond')
  on conflict (handler, key) do update
  set contents = excluded.contents, handled = excluded.handled, until = excluded.until
  where known.until < now()`

const select = 'select handled, contents from messaging_inbox where handler = $1 and key = $2'

/**
 * Makes the entry unless there is one; then it resolves with that one. While another transaction is about to make one it waits for the end of
 * that. Keys are kept as digests: a key may be long, and hold characters that a text of PostgreSQL cannot.
 */
export const enter = async (database: Queryable, entry: InboxEntry): Promise<KnownEntry | undefined> => {
  const { handler, contents, isHandled, forMs } = entry
  const key = digestOf(entry)
  for (;;) {
    const made = await database.query(insert, [handler, key, contents, isHandled, forMs], { name: 'inbox-enter' })
    if (made.count > 0) return undefined
    const { rows } = await database.query<KnownEntry>(select, [handler, key], { name: 'inbox-known' })
    // None: it was removed between the two statements.
    if (rows[0] !== undefined) return rows[0]
  }
}

/** The key as it is stored. */
export const digestOf = ({ key }: InboxKey): string => hash('sha256', key, 'hex')

const callsBetweenPurges = 500
const rowsAPurge = 1_000

const purge = `
  delete from messaging_inbox where (handler, key) in
  (select handler, key from messaging_inbox where until < now() order by until limit ${rowsAPurge} for update skip locked)`

/** To be called for each entry: removes entries whose time is over, two for one that is made. It fails in silence and is done again later. */
export const createPurge = (database: Database): (() => void) => {
  let calls = 0
  return () => {
    if (calls++ % callsBetweenPurges === 0) void database.query(purge).catch(() => undefined)
  }
}
