import { type Database, DatabaseError, sqlStates } from './database.ts'
import { type EmbeddedOptions, openEmbedded } from './embedded.ts'
import { openPostgres, type PostgresOptions } from './postgres.ts'

/** EX_CONFIG of sysexits. */
const badConfig = 78

const supported = 'embedded: or postgres://USER:PASSWORD@HOST:PORT/NAME'

/**
 * The database that `url` names: `embedded:` is one of this process's own, which starts from the options' template;
 * `postgres:` or `postgresql:` is that of a server. Rejects with DatabaseError, exit code 78, for any other scheme.
 */
export const openDatabase = async (url: string, options: EmbeddedOptions & PostgresOptions = {}): Promise<Database> => {
  const scheme = /^[a-z][a-z\d+.-]*:/i.exec(url)?.[0].toLowerCase()
  if (scheme === 'embedded:') return openEmbedded(options)
  if (scheme === 'postgres:' || scheme === 'postgresql:') return openPostgres(url, options)
  const what = scheme === undefined ? 'a database URL without a scheme' : `the database scheme ${scheme}`
  throw new DatabaseError(`${what} is not supported`, {
    code: sqlStates.notSupported,
    exitCode: badConfig,
    fix: `Set DATABASE_URL to ${supported}`,
  })
}
