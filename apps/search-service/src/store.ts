import type { Database } from '@armature/database/database'
import { migrate } from '@armature/database/migrate'
import { migrations } from './migrations.ts'

/** Something with a name and a place, as it is put into the store. */
export interface Thing {
  readonly name: string
  /** ISO 3166 for countries; empty where it has none. */
  readonly code: string
  /** A GeoJSON geometry; what counts of it are its polygons. */
  readonly geometry: string
}

/** What is searched for: things that fulfil all of it. Values are taken as they are: `validate.ts` checks them. */
export interface Wanted {
  /** In degrees, WGS 84: the thing covers it, its border included. */
  readonly point?: { readonly lat: number; readonly lng: number } | undefined
  /** Part of the name, upper and lower case alike. */
  readonly name?: string | undefined
  /** At most so many, in the order of their ids. */
  readonly limit: number
  /** Only those after this id: how to go on from page to page. */
  readonly afterId?: string | undefined
  /** Leaves out so many first; takes the longer the more they are. */
  readonly offset?: number | undefined
  readonly withGeometry?: boolean | undefined
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

/** Where the things are. Every method rejects with DatabaseError. */
export interface Store {
  /** Given up when the signal is aborted before its turn. */
  search(wanted: Wanted, signal?: AbortSignal): Promise<Page>
  /** How many things there are. */
  count(signal?: AbortSignal): Promise<number>
  /** Closes the database. Safe to call twice. */
  close(): Promise<void>
}

/** The store in this database, whose tables it makes or brings up to date. The database is the store's from then on. */
export const openStore = async (database: Database): Promise<Store> => {
  try {
    await migrate(database, migrations)
  } catch (error) {
    await database.close()
    throw error
  }
  return {
    search: async (wanted, signal) => {
      const { rows } = await database.query<FoundThing>(searchSql, searchParams(wanted), { signal })
      return { things: rows.slice(0, wanted.limit), more: rows.length > wanted.limit }
    },
    count: async (signal) => {
      const { rows } = await database.query<{ n: number }>('select count(*) as n from thing', [], { signal })
      return rows[0]?.n ?? 0
    },
    close: () => database.close(),
  }
}

/** One more row than asked for tells whether there are more. */
const searchSql = `
  select id::text as id, name, code, case when $7::boolean then ST_AsGeoJSON(geom, 6) else '' end as geometry
  from thing
  where ($1::float8 is null or ST_Covers(geom, ST_SetSRID(ST_MakePoint($1, $2::float8), 4326)))
    and ($3::text is null or name ilike $3)
    and id > $4::bigint
  order by thing.id
  limit $5::bigint + 1 offset $6::bigint`

const searchParams = ({ point, name, limit, afterId = '0', offset = 0, withGeometry = false }: Wanted): unknown[] => [
  point?.lng,
  point?.lat,
  name === undefined ? undefined : `%${name.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`,
  afterId,
  limit,
  offset,
  withGeometry,
]
