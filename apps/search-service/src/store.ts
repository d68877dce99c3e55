import type { Database } from '@armature/database/database'
import { migrate } from '@armature/database/migrate'
import { migrations } from './migrations.ts'
import { searchStatement, type Wanted } from './search-sql.ts'

/** Something with a name and a place, as it is put into the store. */
export interface Thing {
  readonly name: string
  /** ISO 3166 for countries; empty where it has none. */
  readonly code: string
  /** A GeoJSON geometry; what counts of it are its polygons. */
  readonly geometry: string
}

export interface FoundThing {
  /** A 64-bit integer. */
  readonly id: string
  readonly name: string
  readonly code: string
  /** GeoJSON with six decimals (11 cm); empty unless asked for. */
  readonly geometry: string
}

export interface Page {
  readonly things: readonly FoundThing[]
  /** Whether there are more after the last of them. */
  readonly more: boolean
}

/** The limits of a search or count. */
export interface Limits {
  /** Aborted: what has not begun never begins, what has is cancelled where the database can be asked to. */
  readonly signal?: AbortSignal | undefined
  /** The database stops it then by itself where it can, also when this process is gone. */
  readonly timeoutMs?: number | undefined
}

/** The store of the things. Every method rejects with DatabaseError. */
export interface Store {
  search(wanted: Wanted, limits?: Limits): Promise<Page>
  /** How many things there are. */
  count(limits?: Limits): Promise<number>
  /** Resolves when the database answers. */
  ping(limits?: Limits): Promise<void>
  /** Closes the database. Safe to call twice. */
  close(): Promise<void>
}

/** The store in this database, whose tables it makes or brings up to date. The database is the store's from then on. An aborted `signal` ends the wait. */
export const openStore = async (database: Database, signal?: AbortSignal): Promise<Store> => {
  try {
    await migrate(database, migrations, { signal })
  } catch (error) {
    await database.close()
    throw error
  }
  return {
    search: async (wanted, limits) => {
      const { sql, params, name, pipelined } = searchStatement(wanted)
      const { rows } = await database.query<FoundThing>(sql, params, { ...limits, name, pipelined })
      return { things: rows.slice(0, wanted.limit), more: rows.length > wanted.limit }
    },
    count: async (limits) => {
      const { rows } = await database.query<{ n: number }>('select count(*) as n from thing', [], {
        ...limits,
        name: 'count',
      })
      return rows[0]?.n ?? 0
    },
    ping: async (limits) => void (await database.query('select 1', [], limits)),
    close: () => database.close(),
  }
}
