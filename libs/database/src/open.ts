import { type Database, DatabaseError, sqlStates } from './database.ts'
import { type EmbeddedOptions, openEmbedded } from './embedded.ts'

/** EX_CONFIG of sysexits. */
const badConfig = 78

/**
 * The database that `url` names. `embedded:` is one of this process's own, which starts from `template`. Rejects with
 * DatabaseError, exit code 78, for any other scheme.
 */
export const openDatabase = async (url: string, options: EmbeddedOptions = {}): Promise<Database> => {
  const scheme = /^[a-z][a-z\d+.-]*:/i.exec(url)?.[0].toLowerCase()
  if (scheme === 'embedded:') return openEmbedded(options)
  throw new DatabaseError(
    `${scheme === undefined ? 'a database URL without a scheme' : `the database scheme ${scheme}`} is not supported`,
    {
      code: sqlStates.notSupported,
      exitCode: badConfig,
      fix: 'Set DATABASE_URL to embedded:',
    },
  )
}
