import { type Database, DatabaseError } from '@armature/database/database'
import { type Migrations, migrate } from '@armature/database/migrate'
import { bodyText } from '@armature/messaging/message'
import type { Sink, SinkItem, SinkOutcome } from './sink.ts'

/** The table of the aggregator's events. `body` holds a JSON body, `text` any other. */
export const eventMigrations: Migrations = {
  owner: 'aggregator',
  steps: [
    {
      name: 'event',
      statements: [
        `create table event (
          id text primary key,
          topic text not null,
          correlation_key text not null,
          time timestamptz not null,
          body jsonb,
          text text,
          received_at timestamptz not null default now()
        )`,
        'create index event_received_at on event (received_at)',
      ],
    },
  ],
}

/** Makes the table where it is missing. Rejects with DatabaseError. */
export const openPostgresSink = async (database: Database): Promise<Sink> => {
  await migrate(database, eventMigrations)
  return { write: (batch) => writeBatch(database, batch) }
}

/** A row as JSON text, or why there can be none. The JSON body goes in as it is: parsing would round its numbers. */
type Row = { readonly json: string } | { readonly rejected: string; readonly problem: string }

const writeBatch = async (database: Database, batch: readonly SinkItem[]): Promise<readonly SinkOutcome[]> => {
  const rows = batch.map(rowOf)
  const storable = batch.flatMap(({ message }, index) => {
    const row = rows[index]
    return row !== undefined && 'json' in row ? [{ id: message.id, json: row.json }] : []
  })
  const outcomes = await insert(database, storable)
  return batch.map(({ message }, index) => {
    const row = rows[index]
    if (row === undefined || 'rejected' in row) return row ?? { rejected: 'unknown', problem: 'no row was made of it' }
    return outcomes.get(message.id) ?? 'duplicate'
  })
}

const rowOf = ({ message, correlationKey }: SinkItem): Row => {
  let text: string
  try {
    text = bodyText(message)
  } catch {
    return { rejected: 'not-utf-8', problem: 'the body is not valid UTF-8' }
  }
  const isJson = parses(text)
  if (!isJson && /^application\/([\w.-]+\+)?json\b/i.test(message.headers['content-type'] ?? ''))
    return { rejected: 'invalid-json', problem: 'the content type says JSON, the body is none' }
  const { id, topic, time } = message
  const fields = JSON.stringify({ id, topic, correlation_key: correlationKey, time: time.toISOString() })
  return { json: `${fields.slice(0, -1)},${isJson ? `"body":${text}` : `"text":${JSON.stringify(text)}`}}` }
}

const parses = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

interface Storable {
  readonly id: string
  readonly json: string
}

/**
 * Inserts all rows by one statement. Where the database refuses data (a NUL character, a number out of range), the halves are
 * tried by themselves until the row is found: at most 2 n statements. Ids without an outcome were in the table before.
 */
const insert = async (database: Database, rows: readonly Storable[]): Promise<ReadonlyMap<string, SinkOutcome>> => {
  if (rows.length === 0) return new Map()
  try {
    const inserted = await database.query<{ id: string }>(statement, [`[${rows.map(({ json }) => json).join(',')}]`])
    return new Map(inserted.rows.map(({ id }) => [id, 'written']))
  } catch (fault) {
    const [only] = rows
    if (!(fault instanceof DatabaseError) || !isDataFault(fault)) throw fault
    if (rows.length === 1 && only !== undefined)
      return new Map([[only.id, { rejected: 'refused-by-database', problem: fault.message }]])
    const middle = Math.ceil(rows.length / 2)
    const first = await insert(database, rows.slice(0, middle))
    return new Map([...first, ...(await insert(database, rows.slice(middle)))])
  }
}

const statement = `insert into event (id, topic, correlation_key, time, body, text)
  select id, topic, correlation_key, time, body, text
  from jsonb_to_recordset($1::jsonb)
    as row (id text, topic text, correlation_key text, time timestamptz, body jsonb, text text)
  on conflict (id) do nothing
  returning id`

/** SQLSTATE classes of the data's own faults: 22 data exception, 23 integrity, 54 program limit exceeded. */
const isDataFault = ({ code }: DatabaseError): boolean => /^(22|23|54)/.test(code)
