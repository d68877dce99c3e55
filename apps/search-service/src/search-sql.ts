import type { Wanted } from './store.ts'

export interface SearchStatement {
  readonly sql: string
  readonly params: readonly unknown[]
  /** Its name as a prepared statement, where one plan serves all params. */
  readonly name: string | undefined
}

/**
 * The statement of a search: one row a thing, and one row more than asked for, which tells whether there are more. One SQL for each
 * kind of search, so that each has a plan of its own. Searches by name alone are planned each time: whether the index or the order of
 * the ids is the shorter way depends on how rare the name is.
 */
export const searchStatement = (wanted: Wanted): SearchStatement => {
  const { point, name, limit, afterId = '0', offset = 0, withGeometry = false } = wanted
  const common = [afterId, limit, offset, withGeometry]
  const pattern = name?.replaceAll(/[\\%_]/g, String.raw`\$&`)
  if (point === undefined) {
    return name === undefined
      ? { sql: allSql, params: common, name: 'search_all' }
      : { sql: nameSql, params: [...common, `%${pattern}%`], name: undefined }
  }
  const { lat, lng } = point
  return name === undefined
    ? { sql: pointSql, params: [...common, lng, lat], name: 'search_point' }
    : { sql: pointAndNameSql, params: [...common, lng, lat, `%${pattern}%`], name: 'search_point_name' }
}

/** The ids of a page first: name and outline are read for that page only. */
const pageOf = (ids: string): string => `
  with page as materialized (${ids} limit $2::bigint + 1 offset $3::bigint)
  select thing.id::text as id, name, code, case when $4::boolean then ST_AsGeoJSON(geom, 6) else '' end as geometry
  from page join thing using (id)
  order by thing.id`

const isAtPoint = 'ST_Covers(thing_part.geom, ST_SetSRID(ST_MakePoint($5::float8, $6::float8), 4326))'

const allSql = pageOf('select id from thing where id > $1::bigint order by id')
const nameSql = pageOf('select id from thing where id > $1::bigint and name ilike $5 order by id')

/** `+ 0` hides the id from its index, by which a plan that does not know $1 would read the ids of all parts. */
const isPartAfter = 'thing_id + 0 > $1::bigint'

/** A point on the border of two parts of a thing is in both. */
const pointSql = pageOf(
  `select distinct thing_id as id from thing_part where ${isAtPoint} and ${isPartAfter} order by id`,
)
const pointAndNameSql = pageOf(
  `select distinct thing_id as id from thing_part join thing on thing.id = thing_id
   where ${isAtPoint} and ${isPartAfter} and name ilike $7 order by thing_id`,
)
