import type { Pool, PoolClient, PoolConfig } from 'pg'
import {
  canceled,
  type Database,
  DatabaseError,
  type Queryable,
  type QueryOptions,
  type Result,
  sqlStates,
} from './database.ts'

/** EX_UNAVAILABLE of sysexits. */
const unavailable = 69

export interface PostgresOptions {
  /** Connections at most; further statements wait for one. Default 10. */
  maxConnections?: number
  /** How long to wait for a connection, in milliseconds. Default 5,000. */
  connectTimeoutMs?: number
  /** The server cancels a statement that runs longer: SQLSTATE 57014. In milliseconds, default 30,000. */
  statementTimeoutMs?: number
}

/**
 * The database of a PostgreSQL server: `postgres://USER:PASSWORD@HOST:PORT/NAME`, over a pool of connections, which are made
 * again after they were lost. A statement whose signal is aborted is cancelled on the server. Rejects with DatabaseError, exit
 * code 69, when the server cannot be reached now.
 */
export const openPostgres = async (url: string, options: PostgresOptions = {}): Promise<Database> => {
  const { default: pg } = await import('pg')
  const pool = new pg.Pool(poolConfig(url, options, pg.types.getTypeParser))
  // The pool has replaced the connection by then; a statement that ran on it was rejected by itself.
  pool.on('error', () => undefined)
  const underWay = new Set<Promise<unknown>>()
  let closed: Promise<void> | undefined

  const tracked = async <T>(job: () => Promise<T>): Promise<T> => {
    if (closed !== undefined) throw new DatabaseError('the database is closed', { code: sqlStates.noConnection })
    const running = job()
    underWay.add(running)
    try {
      return await running
    } finally {
      underWay.delete(running)
    }
  }

  const database: Database = {
    query: <R>(sql: string, params?: readonly unknown[], queryOptions: QueryOptions = {}) =>
      tracked(() =>
        onClient(pool, (client) => execute<R>(pool, client, { sql, params, ...queryOptions }), queryOptions),
      ),
    transaction: (fn) => tracked(() => onClient(pool, (client, discard) => transaction({ pool, client, discard }, fn))),
    close: () =>
      (closed ??= Promise.allSettled(underWay)
        .then(() => pool.end())
        .then(() => undefined)),
  }
  try {
    await database.query('select 1')
  } catch (error) {
    await database.close()
    if (!(error instanceof DatabaseError)) throw error
    const { hostname, pathname } = new URL(url)
    throw new DatabaseError(`the database ${hostname}${pathname} cannot be used: ${error.message}`, {
      code: error.code,
      exitCode: unavailable,
      fix: 'Check DATABASE_URL and that the server runs',
    })
  }
  return database
}

const poolConfig = (
  url: string,
  { maxConnections = 10, connectTimeoutMs = 5_000, statementTimeoutMs = 30_000 }: PostgresOptions,
  parserOf: (type: number, format?: 'text') => (text: string) => unknown,
): PoolConfig => ({
  connectionString: url,
  application_name: 'armature',
  max: maxConnections,
  connectionTimeoutMillis: connectTimeoutMs,
  statement_timeout: statementTimeoutMs,
  keepAlive: true,
  types: { getTypeParser: (type: number) => (type === int8 ? integerOf : parserOf(type, 'text')) },
})

/** The type's number in pg_type. */
const int8 = 20

const integerOf = (text: string): number | bigint => {
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : BigInt(text)
}

/** Runs the job on a connection of its own; one that broke or was discarded is not used again. */
const onClient = async <T>(
  pool: Pool,
  job: (client: PoolClient, discard: () => void) => Promise<T>,
  { signal }: QueryOptions = {},
): Promise<T> => {
  const client = await pool.connect().catch((error: unknown) => {
    throw translated(error)
  })
  let broken = false
  const discard = () => {
    broken = true
  }
  client.on('error', discard)
  try {
    if (signal?.aborted === true) throw canceled()
    return await job(client, discard)
  } catch (error) {
    broken ||= error instanceof DatabaseError && error.code.startsWith('08')
    throw error
  } finally {
    client.off('error', discard)
    client.release(broken)
  }
}

interface Statement extends QueryOptions {
  readonly sql: string
  readonly params?: readonly unknown[] | undefined
}

const execute = async <R>(
  pool: Pool,
  client: PoolClient,
  { sql, params = [], signal }: Statement,
): Promise<Result<R>> => {
  if (signal?.aborted === true) throw canceled()
  let cancelling: Promise<unknown> | undefined
  const cancel = () => {
    cancelling = pool.query('select pg_cancel_backend($1)', [backendOf(client)]).catch(() => undefined)
  }
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    // The extended protocol takes one statement only, also without params.
    const { rows, rowCount } = await client.query<Record<string, unknown>>({
      text: sql,
      values: [...params],
      queryMode: 'extended',
    } as { text: string; values: unknown[] })
    return { rows: rows as R[], count: rowCount ?? rows.length }
  } catch (error) {
    throw translated(error)
  } finally {
    signal?.removeEventListener('abort', cancel)
    // Else it could hit the next statement of the connection.
    await cancelling
  }
}

const backendOf = (client: PoolClient): unknown => (client as unknown as { readonly processID: unknown }).processID

interface Connection {
  readonly pool: Pool
  readonly client: PoolClient
  /** The connection is not used again. */
  readonly discard: () => void
}

const transaction = async <T>(
  { pool, client, discard }: Connection,
  fn: (within: Queryable) => Promise<T>,
): Promise<T> => {
  let over = false
  const within: Queryable = {
    query: async (sql, params, { signal } = {}) => {
      if (over) throw new DatabaseError('the transaction is over', { code: sqlStates.noActiveTransaction })
      return execute(pool, client, { sql, params, signal })
    },
  }
  const run = (sql: string) => execute(pool, client, { sql })
  await run('begin')
  await run('savepoint whole')
  try {
    const value = await fn(within)
    over = true
    // Rejects where a statement had failed; COMMIT would then roll back without a word.
    await run('release savepoint whole')
    await run('commit')
    return value
  } catch (error) {
    over = true
    await run('rollback').catch(discard)
    throw error
  }
}

const translated = (error: unknown): DatabaseError => {
  if (error instanceof DatabaseError) return error
  const { code, constraint, message, errors } = error as {
    code?: unknown
    constraint?: unknown
    message?: string
    errors?: readonly Error[]
  }
  const text = message === undefined || message === '' ? (errors?.[0]?.message ?? String(error)) : message
  const isState = typeof code === 'string' && /^[\dA-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code)
  return new DatabaseError(text, {
    code: isState ? code : connectionStateOf(text),
    constraint: typeof constraint === 'string' ? constraint : undefined,
  })
}

/** Errors without a SQLSTATE are the connection's; pg tells by their text whether there was one. */
const connectionStateOf = (text: string): string =>
  /terminated|ECONNRESET|EPIPE|not queryable/.test(text) ? sqlStates.connectionFailure : sqlStates.cannotConnect
