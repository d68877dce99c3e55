/** A SQL database of the PostgreSQL kind. Safe to call concurrently. */
export interface Database extends Queryable {
  /**
   * Runs `fn` in one transaction and commits it when `fn` resolves; rolls back and rejects with its error when `fn` rejects.
   * `fn` must use the `Queryable` it is given, and only until it settles: the outer database may wait for the transaction.
   */
  transaction<T>(fn: (within: Queryable) => Promise<T>): Promise<T>
  /** Waits for statements under way, then releases everything. What is asked later is rejected. Safe to call twice. */
  close(): Promise<void>
}

/** Runs statements: a database, or one of its transactions. */
export interface Queryable {
  /**
   * Runs one statement; `$1`, `$2`, ... in it stand for `params`, which never become part of the SQL. Rejects with
   * DatabaseError. Values: int8 and count(*) are numbers (bigint beyond 2^53), numeric is text, timestamptz a Date, jsonb a
   * parsed value, bytea a Uint8Array. Give JSON as text, arrays as arrays; `undefined` is NULL.
   */
  query<R = Row>(sql: string, params?: readonly unknown[], options?: QueryOptions): Promise<Result<R>>
}

export interface QueryOptions {
  /**
   * Gives up when aborted: a statement that has not begun never begins and is rejected with SQLSTATE 57014. One that has begun
   * is cancelled where the database can be asked to, else runs to its end.
   */
  readonly signal?: AbortSignal | undefined
  /**
   * The server stops the statement then by itself, also when this process is gone: SQLSTATE 57014. Rounded up to 1, 2 or 5 times
   * a power of ten. Default: that of the database; statements of a transaction, and the embedded database, know no other.
   */
  readonly timeoutMs?: number | undefined
  /**
   * For a statement that is run often: it is parsed once a connection, and planned once where the plan does not depend on
   * the params. One name, one SQL; at most 63 characters. The embedded database plans each time.
   */
  readonly name?: string | undefined
  /**
   * For a statement that is short and run often: it shares a connection, on which it is sent without waiting for the answers to those
   * before (pipelining). Statements after it wait for its end. One that is given up is rejected at once, and cancelled on the server
   * only where it does not end by itself. Of no effect in a transaction and in the embedded database.
   */
  readonly pipelined?: boolean | undefined
}

export type Row = Readonly<Record<string, unknown>>

export interface Result<R> {
  readonly rows: readonly R[]
  /** Rows returned or changed. */
  readonly count: number
}

/** SQLSTATE codes by name. https://www.postgresql.org/docs/current/errcodes-appendix.html */
export const sqlStates = {
  cannotConnect: '08001',
  noConnection: '08003',
  connectionFailure: '08006',
  notSupported: '0A000',
  invalidParameter: '22023',
  uniqueViolation: '23505',
  noActiveTransaction: '25P01',
  lockNotAvailable: '55P03',
  canceled: '57014',
  internal: 'XX000',
} as const

export interface DatabaseErrorOptions {
  /** SQLSTATE, five characters. */
  code: string
  /** The constraint that was violated, in class 23. */
  constraint?: string | undefined
  /** The exit code of a process that this error ends. */
  exitCode?: number
  /** The remedy, for the reader. */
  fix?: string
}

/** An error of the database or of the connection to it. The message may hold data but no parameters and no password. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError'
  /** SQLSTATE: the first two characters are its class, such as `08` connection, `23` integrity, `40` try again. */
  readonly code: string
  readonly constraint: string | undefined
  readonly exitCode: number | undefined
  readonly fix: string | undefined

  constructor(message: string, { code, constraint, exitCode, fix }: DatabaseErrorOptions) {
    super(message)
    this.code = code
    this.constraint = constraint
    this.exitCode = exitCode
    this.fix = fix
  }
}

/** The same database for one of several users: its `close` does nothing, the owner closes. */
export const withoutClose = (database: Database): Database => ({
  query: (sql, params, options) => database.query(sql, params, options),
  transaction: (fn) => database.transaction(fn),
  close: () => Promise.resolve(),
})

/** The error for a statement whose signal was aborted before it began. */
export const canceled = (): DatabaseError =>
  new DatabaseError('the statement was given up before it began', { code: sqlStates.canceled })
