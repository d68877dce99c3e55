import { type Database, DatabaseError, type Queryable } from '@armature/database/database'
import { migrate } from '@armature/database/migrate'
import { migrations } from './migrations.ts'
import type { Thing } from './store.ts'

export interface Imported {
  /** Put into the store. */
  readonly things: number
  /** Those of them whose geometry was no valid one and was repaired. */
  readonly repaired: number
  /** Names of those that have no area, such as one whose outline is so coarse that it is a line: found by name only. */
  readonly empty: readonly string[]
}

/**
 * Adds the things, all or none, after making the tables where they are missing. Every geometry becomes a valid one
 * (ST_MakeValid), of which the polygons are kept: an index or a search on an invalid one may fail later. Rejects with
 * DatabaseError, naming the thing, where a geometry is no GeoJSON.
 */
export const importThings = async (database: Database, things: Iterable<Thing>): Promise<Imported> => {
  await migrate(database, migrations)
  return database.transaction(async (within) => {
    const empty: string[] = []
    let [count, repaired] = [0, 0]
    for (const thing of things) {
      const { valid, hasArea } = await add(within, thing)
      count += 1
      if (!valid) repaired += 1
      if (!hasArea) empty.push(thing.name)
    }
    return { things: count, repaired, empty }
  })
}

interface Added {
  readonly valid: boolean
  readonly hasArea: boolean
}

const add = async (within: Queryable, { name, code, geometry }: Thing): Promise<Added> => {
  try {
    const { rows } = await within.query<Added>(addSql, [name.normalize('NFC'), code, geometry])
    const [row] = rows
    if (row !== undefined) return row
    throw new DatabaseError('the database did not say what became of it', { code: 'XX000' })
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    throw new DatabaseError(`thing '${name.slice(0, 80)}': ${error.message}`, { code: error.code })
  }
}

const addSql = `
  with given as (select ST_SetSRID(ST_GeomFromGeoJSON($3), 4326) as raw),
       made as (select ST_IsValid(raw) as valid, ST_Multi(ST_CollectionExtract(ST_MakeValid(raw), 3)) as geom from given),
       kept as (insert into thing (name, code, geom) select $1, $2, geom from made returning geom)
  select valid, not ST_IsEmpty(kept.geom) as "hasArea" from made, kept`
