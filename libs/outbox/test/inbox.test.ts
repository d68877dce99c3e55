import type { OwnDatabase } from '@armature/database/testing-own-database'
import { inboxConformance } from '@armature/messaging/testing-inbox'
import { serverDeadlineMs, skipped } from '@armature/servers/fixture'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createPostgresInbox } from '../src/postgres-inbox.ts'
import { openTables } from './world.ts'

describe.skipIf(skipped('postgres'))('in PostgreSQL', () => {
  let own: OwnDatabase
  beforeAll(async () => {
    own = await openTables()
  }, serverDeadlineMs)
  afterAll(() => own.drop(), 60_000)

  // Times are those of the server, which no test drives.
  const pass = async (ms: number) => {
    await own.database.query(`update messaging_inbox set until = until - $1 * interval '1 millisecond'`, [ms])
  }
  inboxConformance('Postgres', () => Promise.resolve({ inbox: createPostgresInbox(own.database), pass }))

  test('removes what it need not remember any more', async () => {
    const inbox = createPostgresInbox(own.database)
    await inbox.finish({ handler: 'old', key: 'k' }, { contents: '', expiryMs: 1_000 })
    await inbox.finish({ handler: 'new', key: 'k' }, { contents: '', expiryMs: 60_000 })
    await own.database.query(`update messaging_inbox set until = now() - interval '1 minute' where handler = 'old'`)
    await createPostgresInbox(own.database).claim({ handler: 'any', key: 'k' }, { contents: '', leaseMs: 1_000 })
    await vi.waitFor(async () => {
      const { rows } = await own.database.query<{ handler: string }>(
        `select handler from messaging_inbox where handler in ('old', 'new')`,
      )
      expect(rows).toEqual([{ handler: 'new' }])
    }, 10_000)
  })
})
