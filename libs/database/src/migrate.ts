import { createHash } from 'node:crypto'
import { type Database, DatabaseError, type Queryable, sqlStates } from './database.ts'

/** One statement. With `count`: how many rows it must change or return, else its migration fails. */
export type Statement = string | { readonly sql: string; readonly count: number }

/** One step of a schema. Once released it is never changed: a change is a new migration. */
export interface Migration {
  readonly name: string
  readonly statements: readonly Statement[]
}

export interface Migrations {
  /** The owner of the migrations: several services may keep their tables in one database. */
  readonly owner: string
  /** In order; their numbers count from 1. */
  readonly steps: readonly Migration[]
}

interface Entry extends Migration {
  readonly owner: string
  readonly number: number
}

export interface MigrateOptions {
  /** How long one statement may wait for a lock of a table, in milliseconds: others wait behind it. Default 10,000. */
  readonly lockTimeoutMs?: number
  /** How long to wait for another process that migrates, in milliseconds. Default 3,600,000. */
  readonly turnTimeoutMs?: number
  /** Gives up when aborted, also while it waits for the turn: the step under way is undone, those before it stay. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Brings the database to the state after all steps: runs those that the table `schema_migration` does not name yet, each in a
 * transaction of its own together with its entry there. A step may take as long as it needs: there is no statement timeout. Safe to call
 * again and by several processes at once: they take turns. A database that is ahead (a newer release ran) is left as it is. Resolves with
 * the number of steps it ran. Rejects with DatabaseError, naming the step, when one fails or was changed after it had been run; with
 * exit code 75 when a lock, or the turn, was not to be had in time; with SQLSTATE 57014 when `signal` is aborted.
 */
export const migrate = async (
  database: Database,
  { owner, steps }: Migrations,
  { lockTimeoutMs = 10_000, turnTimeoutMs = 3_600_000, signal }: MigrateOptions = {},
): Promise<number> => {
  const inTurn = <T>(work: (within: Queryable) => Promise<T>): Promise<T> =>
    database.transaction(async (transaction) => {
      const within: Queryable = {
        query: (sql, params, options) => transaction.query(sql, params, { ...options, signal }),
      }
      await within.query('set local statement_timeout = 0')
      await endWithClient(within)
      await within.query(`set local lock_timeout = ${turnTimeoutMs}`)
      await lock(within)
      await within.query(`set local lock_timeout = ${lockTimeoutMs}`)
      return work(within)
    })
  await inTurn((within) => within.query(table)).catch((error: unknown) => {
    throw named(`the table of migrations, for ${owner}`, error)
  })
  let ran = 0
  for (const [index, step] of steps.entries()) {
    const entry = { ...step, owner, number: index + 1 }
    try {
      if (await inTurn((within) => apply(within, entry))) ran += 1
    } catch (error) {
      throw named(`migration ${entry.number} of ${owner} (${step.name})`, error)
    }
  }
  return ran
}

/** EX_TEMPFAIL of sysexits. */
const tryAgain = 75

const named = (what: string, error: unknown): unknown => {
  if (!(error instanceof DatabaseError)) return error
  const { code, constraint, message } = error
  const isLocked = code === sqlStates.lockNotAvailable
  return new DatabaseError(`${what}: ${message}`, {
    code,
    constraint,
    ...(isLocked && { exitCode: tryAgain, fix: 'Start again, or end what holds the lock: pg_stat_activity tells' }),
  })
}

const table = `create table if not exists schema_migration (
  owner text not null,
  number int not null,
  name text not null,
  sha256 text not null,
  applied_at timestamptz not null default now(),
  primary key (owner, number)
)`

/**
 * Without a statement timeout the server would go on for a process that is gone, and hold the turn. Not every server can look
 * (PostgreSQL from 14, not on all platforms).
 */
const endWithClient = async (within: Queryable): Promise<void> => {
  await within.query('savepoint before_setting')
  try {
    await within.query(`set local client_connection_check_interval = '2s'`)
  } catch {
    await within.query('rollback to savepoint before_setting')
  }
}

/** Until the end of the transaction. Any number does that nothing else uses. */
const lock = async (within: Queryable): Promise<void> => {
  await within.query('select pg_advisory_xact_lock(7310455)')
}

const apply = async (within: Queryable, { owner, number, name, statements }: Entry): Promise<boolean> => {
  const sha256 = createHash('sha256').update(JSON.stringify(statements)).digest('hex')
  const applied = await within.query<{ sha256: string }>(
    'select sha256 from schema_migration where owner = $1 and number = $2',
    [owner, number],
  )
  const [before] = applied.rows
  if (before !== undefined) {
    if (before.sha256 === sha256) return false
    throw failure('it was changed after it had been run: undo the change and add a new migration')
  }
  for (const statement of statements) {
    const { sql, count } = typeof statement === 'string' ? { sql: statement, count: undefined } : statement
    const result = await within.query(sql)
    if (count !== undefined && result.count !== count) throw failure(`${result.count} rows instead of ${count}: ${sql}`)
  }
  const entry = await within.query(
    'insert into schema_migration (owner, number, name, sha256) values ($1, $2, $3, $4) returning number',
    [owner, number, name, sha256],
  )
  if (entry.rows.length !== 1) throw failure('its entry in schema_migration was not written')
  return true
}

const failure = (message: string): DatabaseError => new DatabaseError(message, { code: sqlStates.internal })
