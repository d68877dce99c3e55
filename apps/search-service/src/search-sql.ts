/** The conditions of a search, all of which a thing must fulfil. Values are taken as they are: `validate.ts` checks them. */
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

export interface SearchStatement {
  readonly sql: string
  readonly params: readonly unknown[]
  /** Its name as a prepared statement, where one plan serves all params. */
  readonly name: string | undefined
  /** Whether it is short enough to share a connection: indexes find what it reads, and it makes no outlines. */
  readonly pipelined: boolean
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
      ? { sql: allSql, params: common, name: 'search_all', pipelined: !withGeometry }
      : { sql: nameSql, params: [...common, `%${pattern}%`], name: undefined, pipelined: false }
  }
  const { lat, lng } = point
  return name === undefined
    ? { sql: pointSql, params: [...common, lng, lat], name: 'search_point', pipelined: !withGeometry }
    : {
        sql: pointAndNameSql,
        params: [...common, lng, lat, `%${pattern}%`],
        name: 'search_point_name',
        pipelined: !withGeometry,
      }
}

const columns = `thing.id::text as id, name, code, case when $4::boolean then ST_AsGeoJSON(geom, 6) else '' end as geometry`
const page = 'limit $2::bigint + 1 offset $3::bigint'

const thingsSql = (condition = ''): string =>
  `select ${columns} from thing where id > $1::bigint ${condition} order by thing.id ${page}`

const allSql = thingsSql()
const nameSql = thingsSql('and name ilike $5')

/**
 * The parts at the point first, however many things there are: a plan that does not know the point could else go through all things
 * in the order of their ids. A point on the border of two parts of a thing is in both. `+ 0` hides the id from its index, by which such
 * a plan would read the ids of all parts.
 */
const atPointSql = (more = { tables: '', condition: '' }): string => `
  with page as materialized (
    select distinct thing_id from thing_part ${more.tables}
    where ST_Covers(thing_part.geom, ST_SetSRID(ST_MakePoint($5::float8, $6::float8), 4326))
      and thing_id + 0 > $1::bigint ${more.condition}
    order by thing_id ${page}
  )
  select ${columns} from page join thing on thing.id = thing_id order by thing.id`

const pointSql = atPointSql()
const pointAndNameSql = atPointSql({ tables: 'join thing on thing.id = thing_id', condition: 'and name ilike $7' })
