import type { Files } from './source-files.ts'
import type { ServiceSpec } from './spec.ts'

/** What keeps the entries: a database, or the memory of the process. */
export const storeFiles = (spec: ServiceSpec): Files => ({
  'src/store.ts': spec.store === 'postgres' ? databaseStore(spec) : memoryStore,
})

const contract = `/** What became of an entry: it is new, it was there already, or another one has its id. */
export type Saved = 'new' | 'known' | 'conflict'

export interface Store extends Part {
  /** Keeps an entry once, however often it comes. */
  save(entry: Entry, signal?: AbortSignal): Promise<Saved>
  /** The entry with this id; undefined where there is none. */
  find(id: string, signal?: AbortSignal): Promise<Entry | undefined>
}
`

const databaseStore = ({
  name,
  snake,
}: ServiceSpec): string => `import type { Database } from '@armature/database/database'
import { migrate, type Migrations } from '@armature/database/migrate'
import type { Part } from '@armature/service/combine'
import type { Entry } from './entry.ts'

${contract}
export const migrations: Migrations = {
  owner: '${name}',
  steps: [
    {
      name: 'entries',
      statements: [
        \`create table ${snake}_entry (
          id text primary key,
          body jsonb not null,
          stored_at timestamptz not null default now()
        )\`,
      ],
    },
  ],
}

/** The update changes nothing: it returns a row for an entry that is there already, and none where its contents are different. */
const insert = \`
  insert into ${snake}_entry as known (id, body) values ($1, $2::jsonb)
  on conflict (id) do update set id = known.id where known.body = $2::jsonb
  returning (xmax = 0) as "isNew"\`

const select = 'select body from ${snake}_entry where id = $1'

/** Keeps entries in a database, which is opened and migrated at the start. */
export const createStore = (open: () => Promise<Database>): Store => {
  let database: Database | undefined
  const opened = (): Database => {
    if (database === undefined) throw new Error('the store was used before its start')
    return database
  }
  return {
    start: async (stopping) => {
      database = await open()
      await migrate(database, migrations, { signal: stopping })
    },
    save: async (entry, signal) => {
      const params = [entry.id, JSON.stringify(entry)]
      const { rows } = await opened().query<{ isNew: boolean }>(insert, params, { signal })
      const [row] = rows
      if (row === undefined) return 'conflict'
      return row.isNew ? 'new' : 'known'
    },
    find: async (id, signal) => {
      const { rows } = await opened().query<{ body: Entry }>(select, [id], { signal })
      return rows[0]?.body
    },
    close: async () => database?.close(),
  }
}
`

const memoryStore = `import type { Part } from '@armature/service/combine'
import type { Entry } from './entry.ts'

${contract}
const maxEntries = 10_000

/** Keeps the latest 10,000 entries in memory. They are gone with the process. */
export const createStore = (): Store => {
  const bodies = new Map<string, string>()
  return {
    start: async () => undefined,
    save: async (entry) => {
      const body = JSON.stringify(entry)
      const known = bodies.get(entry.id)
      if (known !== undefined) return known === body ? 'known' : 'conflict'
      bodies.set(entry.id, body)
      const [oldest] = bodies.keys()
      if (bodies.size > maxEntries && oldest !== undefined) bodies.delete(oldest)
      return 'new'
    },
    find: async (id) => {
      const body = bodies.get(id)
      return body === undefined ? undefined : (JSON.parse(body) as Entry)
    },
    close: async () => undefined,
  }
}
`
