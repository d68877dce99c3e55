import type { Client, ClientBase, Pool, PoolClient, PoolConfig } from 'pg'
import {
  canceled,
  type Database,
  DatabaseError,
  type Queryable,
  type QueryOptions,
  type Result,
  sqlStates,
} from './database.ts'
import { createPipeline } from './postgres-pipeline.ts'
import { answerOf, limitOf, type Statement, translated } from './postgres-statement.ts'

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
 * again after they were lost; pipelined statements share two more. A statement whose signal is aborted is cancelled on the server.
 * Rejects with DatabaseError, exit code 69, when the server cannot be reached now.
 */
export const openPostgres = async (url: string, options: PostgresOptions = {}): Promise<Database> => {
  const { default: pg } = await import('pg')
  const config = poolConfig(url, options, pg.types.getTypeParser)
  const pool = new pg.Pool(config)
  // Not the pool's: all of its connections may be busy with what is to be cancelled.
  const cancelling = new pg.Pool({ ...config, max: 1 })
  // The pool has replaced the connection by then; a statement that ran on it was rejected by itself.
  for (const each of [pool, cancelling]) each.on('error', () => undefined)
  const cancel: Cancel = async (client) => {
    await cancelling.query('select pg_cancel_backend($1)', [backendOf(client)]).catch(() => undefined)
  }
  const { statementTimeoutMs: defaultTimeoutMs = defaultStatementTimeoutMs } = options
  const lender = lend(pool)
  const execute = executor(cancel, defaultTimeoutMs)
  const connect = async (): Promise<Client> => {
    const client = new pg.Client({ ...config, pipeline: true })
    await client.connect()
    return client
  }
  const pipeline = createPipeline({ connect, cancel, defaultTimeoutMs })
  let closed: Promise<void> | undefined

  const database: Database = {
    query: <R>(sql: string, params?: readonly unknown[], queryOptions: QueryOptions = {}) => {
      const statement = { sql, params, ...queryOptions }
      const onItsOwn = () => lender.onClient((client) => execute<R>(client, statement), queryOptions)
      return queryOptions.pipelined === true ? pipeline.query(statement, onItsOwn) : onItsOwn()
    },
    transaction: (fn) => lender.onClient((client, discard) => transaction({ execute, client, discard }, fn)),
    close: () =>
      (closed ??= Promise.all([lender.close(), pipeline.close()])
        .then(() => Promise.all([pool.end(), cancelling.end()]))
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

const defaultStatementTimeoutMs = 30_000

const poolConfig = (
  url: string,
  { maxConnections = 10, connectTimeoutMs = 5_000, statementTimeoutMs = defaultStatementTimeoutMs }: PostgresOptions,
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

interface Lender {
  /** Runs the job on a connection of its own; one that broke or was discarded is not used again. */
  onClient<T>(job: (client: PoolClient, discard: () => void) => Promise<T>, options?: QueryOptions): Promise<T>
  /** Refuses further jobs; resolves when those under way are done. */
  close(): Promise<void>
}

/** SQLSTATE: class 08, and the server's own words for a shutdown, a crash or a session that an administrator ended. */
const connectionEnds = /^(08|57P)/

const lend = (pool: Pool): Lender => {
  const broken = new WeakSet<PoolClient>()
  pool.on('connect', (client) => client.on('error', () => broken.add(client)))
  const done = Promise.withResolvers<void>()
  let underWay = 0
  let closed = false

  const connect = async (): Promise<PoolClient> => {
    try {
      return await pool.connect()
    } catch (error) {
      throw translated(error)
    }
  }
  return {
    onClient: async (job, { signal } = {}) => {
      if (closed) throw new DatabaseError('the database is closed', { code: sqlStates.noConnection })
      underWay += 1
      try {
        const client = await connect()
        try {
          if (signal?.aborted === true) throw canceled()
          return await job(client, () => broken.add(client))
        } catch (error) {
          if (error instanceof DatabaseError && connectionEnds.test(error.code)) broken.add(client)
          throw error
        } finally {
          client.release(broken.has(client))
        }
      } finally {
        underWay -= 1
        if (closed && underWay === 0) done.resolve()
      }
    },
    close: () => {
      closed = true
      if (underWay === 0) done.resolve()
      return done.promise
    },
  }
}

type Execute = <R>(client: PoolClient, statement: Statement) => Promise<Result<R>>

/** Stops what runs on this client's connection now, if anything does. Never rejects. */
type Cancel = (client: ClientBase) => Promise<void>

const executor = (cancel: Cancel, defaultTimeoutMs: number): Execute => {
  const timeouts = new WeakMap<PoolClient, number>()

  const limitStatements = async (client: PoolClient, timeoutMs: number): Promise<void> => {
    await client.query(`set statement_timeout = ${timeoutMs}`)
    timeouts.set(client, timeoutMs)
  }

  return async <R>(client: PoolClient, statement: Statement): Promise<Result<R>> => {
    const { signal, timeoutMs } = statement
    let cancelled: Promise<void> | undefined
    const giveUp = () => {
      cancelled = cancel(client)
    }
    try {
      const limitMs = limitOf(timeoutMs, defaultTimeoutMs)
      if (limitMs !== (timeouts.get(client) ?? defaultTimeoutMs)) await limitStatements(client, limitMs)
      if (signal?.aborted === true) throw canceled()
      signal?.addEventListener('abort', giveUp, { once: true })
      return await answerOf<R>(client, statement)
    } catch (error) {
      throw translated(error)
    } finally {
      signal?.removeEventListener('abort', giveUp)
      // Else it could hit the next statement of the connection.
      if (cancelled !== undefined) await cancelled
    }
  }
}

const backendOf = (client: ClientBase): unknown => (client as unknown as { readonly processID: unknown }).processID

interface Connection {
  readonly execute: Execute
  readonly client: PoolClient
  /** The connection is not used again. */
  readonly discard: () => void
}

const transaction = async <T>(
  { execute, client, discard }: Connection,
  fn: (within: Queryable) => Promise<T>,
): Promise<T> => {
  let over = false
  const within: Queryable = {
    query: async (sql, params, { signal, name } = {}) => {
      if (over) throw new DatabaseError('the transaction is over', { code: sqlStates.noActiveTransaction })
      return execute(client, { sql, params, signal, name })
    },
  }
  const run = (sql: string) => execute(client, { sql })
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
