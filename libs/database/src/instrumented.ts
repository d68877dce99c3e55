import type { Telemetry } from '@armature/telemetry/telemetry'
import { inSpan } from '@armature/telemetry/tracing'
import { databaseMetrics } from './database-metrics.ts'
import { type Database, DatabaseError, type Queryable } from './database.ts'

/** The same database, with a span and a duration for each statement. Neither holds parameters. */
export const instrumented = (database: Database, { metrics }: Pick<Telemetry, 'metrics'>): Database => {
  const watch = (inner: Queryable): Queryable => ({
    query: async (sql, params, options) => {
      const attributes = { 'db.system.name': 'postgresql', 'db.operation.name': operationOf(sql) }
      const startMs = performance.now()
      let errorType: string | undefined
      try {
        return await inSpan(attributes['db.operation.name'], { kind: 'client', attributes }, () =>
          inner.query(sql, params, options),
        )
      } catch (error) {
        errorType = error instanceof DatabaseError ? error.code : 'other'
        throw error
      } finally {
        const labels = { ...attributes, 'error.type': errorType }
        metrics.time(databaseMetrics['db.client.operation.duration'], performance.now() - startMs, labels)
      }
    },
  })
  return {
    ...watch(database),
    transaction: (fn) => database.transaction((within) => fn(watch(within))),
    close: () => database.close(),
  }
}

const operations = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE', 'CREATE', 'ALTER', 'DROP', 'WITH', 'COPY'])

/** A small set: the name is a label. */
const operationOf = (sql: string): string => {
  const word = /^\s*(\w+)/.exec(sql)?.[1]?.toUpperCase() ?? ''
  return operations.has(word) ? word : 'OTHER'
}
