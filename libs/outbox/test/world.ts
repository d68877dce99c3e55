import { ownDatabase } from '@armature/database/testing-own-database'
import { migrate } from '@armature/database/migrate'
import { serverUrl, uniqueName } from '@armature/servers/fixture'
import { outboxMigrations } from '../src/schema.ts'

/** A database of its own on the server, with the tables. */
export const openTables = async () => {
  const own = await ownDatabase(await serverUrl('postgres'), uniqueName('outbox'))
  await migrate(own.database, outboxMigrations)
  return own
}
