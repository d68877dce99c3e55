import type { Extension, PGlite, Results } from '@electric-sql/pglite'
import {
  canceled,
  type Database,
  DatabaseError,
  type Queryable,
  type QueryOptions,
  type Result,
  sqlStates,
} from './database.ts'
import { reducedBundle } from './postgis-bundle.ts'

/** EX_CONFIG of sysexits. */
const badConfig = 78

/**
 * The database in `folder`, run in this process by PGlite with PostGIS until it is closed. Opening takes about a second,
 * during which the event loop stands, and 850 MB. No other process may have the folder open: the two would corrupt it.
 * Statements run one after the other, in the order they came, and the event loop gets its turn between them. A statement that
 * has begun runs to its end: PGlite keeps no statement timeout.
 */
export const openFolder = async (folder: string): Promise<Database> => {
  const pglite = await start(folder)
  const inTurn = turns()
  let closed: Promise<void> | undefined

  const refuseIfClosed = (): void => {
    if (closed !== undefined) throw new DatabaseError('the database is closed', { code: sqlStates.noConnection })
  }

  const transaction = async <T>(fn: (within: Queryable) => Promise<T>): Promise<T> => {
    const inner = turns()
    let over = false
    const within: Queryable = {
      query: (sql, params, options) =>
        inner(() => {
          if (over) throw new DatabaseError('the transaction is over', { code: sqlStates.noActiveTransaction })
          return execute(pglite, sql, params, options)
        }),
    }
    await execute(pglite, 'begin')
    await execute(pglite, 'savepoint whole')
    try {
      const value = await fn(within)
      over = true
      await inner(() => execute(pglite, 'release savepoint whole'))
      await inner(() => execute(pglite, 'commit'))
      return value
    } catch (error) {
      over = true
      await inner(async () => void (pglite.isInTransaction() && (await execute(pglite, 'rollback'))))
      throw error
    }
  }

  return {
    query: async (sql, params, options) => {
      refuseIfClosed()
      return inTurn(() => execute(pglite, sql, params, options))
    },
    transaction: async (fn) => {
      refuseIfClosed()
      return inTurn(() => transaction(fn))
    },
    close: () => (closed ??= inTurn(() => pglite.close())),
  }
}

const start = async (folder: string): Promise<PGlite> => {
  try {
    const [{ PGlite: Engine }, { postgis }, { pg_trgm: trigrams }] = await Promise.all([
      import('@electric-sql/pglite'),
      import('@electric-sql/pglite-postgis'),
      import('@electric-sql/pglite/contrib/pg_trgm'),
    ])
    const pglite = new Engine(folder, { extensions: { postgis: reduced(postgis), pg_trgm: trigrams } })
    await pglite.waitReady
    return pglite
  } catch (error) {
    throw notInstalled(error) ?? failure(`the embedded database in ${folder} does not open: ${textOf(error)}`)
  }
}

const reduced = (extension: Extension): Extension => ({
  ...extension,
  setup: async (...parameters) => {
    const made = await extension.setup(...parameters)
    return made.bundlePath === undefined ? made : { ...made, bundlePath: reducedBundle(made.bundlePath) }
  },
})

/** The error for the case that a package is missing, as in a production bundle, which leaves PGlite out. */
export const notInstalled = (error: unknown): DatabaseError | undefined => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') return undefined
  return new DatabaseError('the embedded database is not part of this installation', {
    code: sqlStates.cannotConnect,
    exitCode: badConfig,
    fix: 'Install @electric-sql/pglite and @electric-sql/pglite-postgis, or set DATABASE_URL to another database',
  })
}

/** Runs jobs one after the other, each in a turn of the event loop of its own: PGlite by itself never lets go of it. */
const turns = (): (<T>(job: () => Promise<T>) => Promise<T>) => {
  let last: Promise<unknown> = Promise.resolve()
  return (job) => {
    const result = last.then(nextTurn).then(job)
    last = result.catch(() => undefined)
    return result
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const execute = async <R>(
  pglite: PGlite,
  sql: string,
  params: readonly unknown[] = [],
  { signal }: QueryOptions = {},
): Promise<Result<R>> => {
  if (signal?.aborted === true) throw canceled()
  const { rows, rowCount, swallowed } = await run<R>(pglite, sql, params)
  if (swallowed) throw failure(`the embedded database gave up on a statement without saying why: ${headOf(sql)}`)
  return { rows, count: rowCount ?? rows.length }
}

/**
 * PGlite 0.5.8 loses errors that PostGIS raises inside a set-returning function, as ST_Subdivide does for an invalid polygon:
 * the statement seems to end, without rows. What gives it away: the answer has no command tag, or the tag `???`, or
 * PostgreSQL complains of what the statement left open. In a transaction it may complain at the end of a savepoint only, hence
 * the one round each transaction.
 */
const run = async <R>(
  pglite: PGlite,
  sql: string,
  params: readonly unknown[],
): Promise<Results<R> & { readonly swallowed: boolean }> => {
  let leaked = false
  const onNotice = ({ message = '' }: { message: string | undefined }): void => {
    leaked ||= /^(resource was not closed|snapshot .* still active)/.test(message)
  }
  try {
    const values = params.map((value) => value ?? null)
    const result = await pglite.query<R>(sql, values, { onNotice })
    return { ...result, swallowed: leaked || result.command === undefined || result.command === '???' }
  } catch (error) {
    throw translated(error)
  }
}

const translated = (error: unknown): DatabaseError => {
  const { code, constraint } = error as { code?: unknown; constraint?: unknown }
  return new DatabaseError(textOf(error), {
    code: typeof code === 'string' ? code : sqlStates.internal,
    constraint: typeof constraint === 'string' ? constraint : undefined,
  })
}

const failure = (message: string): DatabaseError => new DatabaseError(message, { code: sqlStates.internal })

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const headOf = (sql: string): string => sql.trim().replaceAll(/\s+/g, ' ').slice(0, 80)
