import { randomUUID } from 'node:crypto'
import { type Database, DatabaseError } from '@armature/database/database'
import { migrate } from '@armature/database/migrate'
import { identityOf } from '@armature/messaging/identity'
import { RedeliverError } from '@armature/messaging/redeliver-error'
import { bodyTextOf } from './body-text.ts'
import { compareSql, eventMigrations, insertSql } from './event-table.ts'
import type { Sink, SinkItem, SinkOutcome } from './sink.ts'
import { faultOf, isOutage } from './sql-state-fault.ts'

/** Makes the table where it is missing. Rejects with DatabaseError, also when `signal` is aborted before that. */
export const openPostgresSink = async (database: Database, signal?: AbortSignal): Promise<Sink> => {
  await migrate(database, eventMigrations, { signal })
  return {
    write: (batch, signal) => writeBatch(database, batch, signal),
    check: (signal) => checkTable(database, signal),
  }
}

type Rejected = Extract<SinkOutcome, { rejected: string }>

/** A row as JSON text. The JSON body goes in as it is: parsing would round its numbers. */
interface Row {
  /** The index of its item in the batch. */
  readonly index: number
  /** Its source and id. */
  readonly identity: string
  readonly json: string
  /** The row with its body as text, where the content type allows both: for JSON that jsonb does not take. */
  readonly textJson?: () => string
}

const writeBatch = async (
  database: Database,
  batch: readonly SinkItem[],
  signal: AbortSignal | undefined,
): Promise<readonly SinkOutcome[]> => {
  const outcomes = new Map<number, SinkOutcome>()
  const rows: Row[] = []
  for (const [index, item] of batch.entries()) {
    const row = rowOf(item)
    if ('json' in row) rows.push({ index, ...row })
    else outcomes.set(index, row)
  }
  await store(database, rows, outcomes, signal)
  return batch.map((_, index) => {
    const outcome = outcomes.get(index)
    if (outcome === undefined) throw new Error('an event was neither stored nor found: it was deleted meanwhile')
    return outcome
  })
}

const rowOf = (item: SinkItem): Omit<Row, 'index'> | Rejected => {
  try {
    return jsonRowOf(item)
  } catch (error) {
    return { rejected: 'no-row', problem: `no row can be made of it: ${(error as Error).message}` }
  }
}

const jsonRowOf = ({ message, correlationKey }: SinkItem): Omit<Row, 'index'> | Rejected => {
  const content = bodyTextOf(message)
  if ('rejected' in content) return content
  const { text, json: jsonText, saysJson } = content
  const { id, topic, time } = message
  const source = message.headers['source'] ?? unknownSource
  const fields = JSON.stringify({ source, id, topic, correlation_key: correlationKey, time: time.toISOString() })
  const rowWith = (content: string) => `${fields.slice(0, -1)},${content}}`
  const textJson = () => rowWith(`"text":${message.tombstone === true ? 'null' : JSON.stringify(text)}`)
  const identity = identityOf(message, unknownSource)
  if (jsonText === undefined) return { identity, json: textJson() }
  const json = rowWith(`"body":${jsonText}`)
  return saysJson ? { identity, json } : { identity, json, textJson }
}

/** The source of messages that name none: `memory:` delivers them as they were published. */
const unknownSource = ''

/**
 * Inserts all rows by one statement. Where the database refuses data (a NUL character, a number out of range), the halves are
 * tried by themselves until the row is found: at most 3 n statements. JSON that is not said to be JSON is then stored as text.
 */
const store = async (
  database: Database,
  rows: readonly Row[],
  outcomes: Map<number, SinkOutcome>,
  signal: AbortSignal | undefined,
): Promise<void> => {
  const [only] = rows
  if (only === undefined) return
  try {
    const repeats = await insert(database, rows, outcomes, signal)
    if (repeats.length > 0) await compare(database, repeats, outcomes, signal)
  } catch (fault) {
    if (!(fault instanceof DatabaseError)) throw fault
    if (isOutage(fault.code)) throw new RedeliverError('sink-outage', fault.message, { cause: fault })
    if (faultOf(fault.code) === 'sink') throw fault
    if (rows.length === 1) {
      const { textJson, ...row } = only
      if (textJson !== undefined) return store(database, [{ ...row, json: textJson() }], outcomes, signal)
      outcomes.set(only.index, { rejected: 'refused-by-database', problem: fault.message })
      return
    }
    const middle = Math.ceil(rows.length / 2)
    await store(database, rows.slice(0, middle), outcomes, signal)
    await store(database, rows.slice(middle), outcomes, signal)
  }
}

/** Resolves to the rows that were not inserted: their events are in the table already. */
const insert = async (
  database: Database,
  rows: readonly Row[],
  outcomes: Map<number, SinkOutcome>,
  signal: AbortSignal | undefined,
): Promise<readonly Row[]> => {
  const inserted = await database.query<{ source: string; id: string }>(insertSql, [arrayOf(rows)], { signal })
  const fresh = new Set(inserted.rows.map(({ source, id }) => identityOf({ id, headers: { source } }, unknownSource)))
  return rows.filter(({ identity, index }) => {
    const isFirst = fresh.delete(identity)
    if (isFirst) outcomes.set(index, 'written')
    return !isFirst
  })
}

const compare = async (
  database: Database,
  rows: readonly Row[],
  outcomes: Map<number, SinkOutcome>,
  signal: AbortSignal | undefined,
): Promise<void> => {
  const found = await database.query<{ place: number; same: boolean }>(compareSql, [arrayOf(rows)], { signal })
  for (const { place, same } of found.rows) {
    const index = rows[place - 1]?.index
    if (index !== undefined) outcomes.set(index, same ? 'duplicate' : reused)
  }
}

const reused: SinkOutcome = {
  rejected: 'identity-reused',
  problem: 'an event of the same source and id is stored, with another body',
}

const arrayOf = (rows: readonly Row[]): string => `[${rows.map(({ json }) => json).join(',')}]`

const undone = new Error('undone')

/** Inserts a row and takes it back: a full disk, a lock or a missing table shows as it does for a batch. */
const checkTable = async (database: Database, signal: AbortSignal | undefined): Promise<void> => {
  const row = {
    source: '',
    id: randomUUID(),
    topic: 'check',
    correlation_key: 'check',
    time: new Date(0),
    text: 'check',
  }
  const work = database.transaction(async (within) => {
    await within.query(insertSql, [JSON.stringify([row])], { signal })
    throw undone
  })
  await work.catch((error: unknown) => {
    if (error !== undone) throw error
  })
}
