import type { Database } from './database.ts'
import { openDatabase } from './open.ts'

/** A database that one test has for itself. */
export interface OwnDatabase {
  readonly url: string
  readonly database: Database
  /** Closes it and removes it, whoever else is connected. */
  drop(): Promise<void>
}

/** Makes a database of this name on the server of the URL. A dash in the name becomes an underscore. */
export const ownDatabase = async (serverUrl: string, name: string): Promise<OwnDatabase> => {
  const identifier = name.replaceAll('-', '_')
  const admin = await openDatabase(serverUrl)
  await admin.query(`create database ${identifier}`)
  const url = serverUrl.replace(/\/[^/?]*(?=\?|$)/, `/${identifier}`)
  const database = await openDatabase(url)
  return {
    url,
    database,
    drop: async () => {
      await database.close()
      await admin.query(`drop database ${identifier} with (force)`)
      await admin.close()
    },
  }
}
