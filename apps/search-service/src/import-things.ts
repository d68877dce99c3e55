import { type Database, DatabaseError, type Queryable } from '@armature/database/database'
import { migrate } from '@armature/database/migrate'
import { migrations } from './migrations.ts'
import { partsOf } from './parts.ts'
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
    await withoutJit(within)
    for (const thing of things) {
      const [added] = await addThings(within, [thing], { repair: true }).catch((error: unknown) => {
        throw error instanceof DatabaseError
          ? new DatabaseError(`thing '${thing.name.slice(0, 80)}': ${error.message}`, { code: error.code })
          : error
      })
      count += 1
      if (added?.fault !== undefined) repaired += 1
      if (added?.hasArea !== true) empty.push(thing.name)
    }
    await refreshPlans(within)
    return { things: count, repaired, empty }
  })
}

/**
 * For the rest of the transaction. The planner takes PostGIS's functions for so costly that it would compile each statement (JIT): seconds,
 * for milliseconds of work.
 */
export const withoutJit = async (within: Queryable): Promise<void> => {
  await within.query('set local jit = off')
}

export interface Added {
  /** Why its geometry is no valid one; it was repaired or left out. */
  readonly fault: string | undefined
  /** False: it is found by name only. */
  readonly hasArea: boolean
}

/**
 * Adds things by one statement and answers for each of them, in their order. Those whose geometry is no valid one (a ring crosses
 * itself, a hole lies outside) are repaired, or left out. Rejects with DatabaseError where a geometry is no GeoJSON.
 */
export const addThings = async (
  within: Queryable,
  things: readonly Thing[],
  { repair }: { readonly repair: boolean },
): Promise<readonly Added[]> => {
  const { rows } = await within.query<{ fault: string | null; hasArea: boolean }>(
    addSql,
    [
      things.map(({ name }) => name.normalize('NFC')),
      things.map(({ code }) => code),
      things.map(({ geometry }) => geometry),
      repair,
    ],
    { name: 'add_things' },
  )
  if (rows.length === things.length) {
    return rows.map(({ fault, hasArea }) => ({ fault: fault ?? undefined, hasArea }))
  }
  throw new DatabaseError('the database did not say what became of each thing', { code: 'XX000' })
}

/** After things were added: how many there are is what the planner goes by. */
export const refreshPlans = async (within: Queryable): Promise<void> => {
  for (const table of ['thing', 'thing_part']) await within.query(`analyze ${table}`)
}

/** SQL: the polygons, those beyond 180 degrees on the other side of the antimeridian, where they are. */
const withinTheWorld = (polygons: string): string =>
  `case when ST_XMin(${polygons}) < -180 or ST_XMax(${polygons}) > 180
     then ST_UnaryUnion(ST_WrapX(ST_WrapX(${polygons}, 180, -360), -180, 360)) else ${polygons} end`

/** The ids are drawn first: what `returning` gives has no place in the order of what was given. */
const addSql = `
  with given as materialized (
         select place, name, code, ST_SetSRID(ST_GeomFromGeoJSON(geometry), 4326) as raw
         from unnest($1::text[], $2::text[], $3::text[]) with ordinality as item (name, code, geometry, place)),
       checked as materialized (
         select *, case when ST_IsValid(raw) then null else ST_IsValidReason(raw) end as fault from given),
       wanted as materialized (
         select place, name, code, ST_GeometryType(raw) = 'ST_GeometryCollection' as may_overlap,
                ST_CollectionExtract(case when fault is null then raw else ST_MakeValid(raw) end, 3) as polygons
         from checked where fault is null or $4::boolean order by place),
       apart as materialized (
         select place, name, code, case when may_overlap then ST_UnaryUnion(polygons) else polygons end as polygons
         from wanted),
       made as materialized (
         select place, nextval(pg_get_serial_sequence('thing', 'id')) as id, name, code,
                ST_Multi(ST_CollectionExtract(${withinTheWorld('polygons')}, 3)) as geom
         from (select * from apart order by place) as ordered),
       kept as (
         insert into thing (id, name, code, geom) overriding system value
         select id, name, code, geom from made order by place),
       parts as (insert into thing_part (thing_id, geom) select id, ${partsOf('geom')} from made)
  select fault, coalesce(not ST_IsEmpty(geom), false) as "hasArea"
  from checked left join made using (place)
  order by place`
