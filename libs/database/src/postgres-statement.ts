import type { ClientBase } from 'pg'
import { DatabaseError, type QueryOptions, type Result, sqlStates } from './database.ts'

export interface Statement extends QueryOptions {
  readonly sql: string
  readonly params?: readonly unknown[] | undefined
}

/**
 * Sends one statement and resolves with its answer; rejects with what pg says. By callback: pg's own promise takes a second stack trace of
 * each error.
 */
export const answerOf = <R>(
  client: ClientBase,
  { sql, params = [], name }: Pick<Statement, 'sql' | 'params' | 'name'>,
): Promise<Result<R>> =>
  new Promise((resolve, reject) => {
    // The extended protocol takes one statement only, also without params.
    const query = { text: sql, values: params as unknown[], queryMode: 'extended', ...(name !== undefined && { name }) }
    client.query(query, (error: Error | null | undefined, result) => {
      if (error === null || error === undefined)
        resolve({ rows: result.rows as R[], count: result.rowCount ?? result.rows.length })
      else reject(error)
    })
  })

/** The statement's own timeout up to the next 1, 2 or 5 times a power of ten, so that those of about the same share one setting. */
export const limitOf = (timeoutMs: number | undefined, defaultMs: number): number => {
  if (timeoutMs === undefined) return defaultMs
  const power = 10 ** Math.floor(Math.log10(Math.max(timeoutMs, 1)))
  const rounded = power * ([1, 2, 5].find((step) => step * power >= timeoutMs) ?? 10)
  return Math.min(rounded, defaultMs)
}

/** Converts an error of pg to a DatabaseError. An error without a SQLSTATE comes from the connection. */
export const translated = (error: unknown): DatabaseError => {
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

/** pg tells by the text whether there was a connection. */
const connectionStateOf = (text: string): string =>
  /terminated|ECONNRESET|EPIPE|not queryable/.test(text) ? sqlStates.connectionFailure : sqlStates.cannotConnect
