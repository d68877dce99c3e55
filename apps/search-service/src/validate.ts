import { badRequest, type FieldViolation } from '@armature/service/grpc-status'
import type { OlderSearchRequest, Point, SearchRequest } from '@armature/search-api/api'
import { afterIdOf } from './page-token.ts'
import type { Wanted } from './search-sql.ts'

export const maxQueryLength = 256
export const maxTokenLength = 256
export const maxPageSize = 100
/** The older API never named a bound to its clients. Its results are names only. */
export const maxOlderPageSize = 1_000
export const defaultPageSize = 10
/** Results with geometry on a page: a country's outline takes up to 2 MB. */
export const maxPageSizeWithGeometry = 10
/** How far the older API can leaf: the database counts its way to a page. */
export const maxOffset = 10_000

/** The search of a request of the v1 API. Throws StatusError INVALID_ARGUMENT that names every wrong field. */
export const wantedOf = (request: SearchRequest): Wanted => {
  const { point, query, page_size: pageSize, page_token: token, with_geometry: withGeometry } = request
  const asked = { point: point ?? undefined, name: nameOf(query) }
  const afterId = token === '' || token.length > maxTokenLength ? undefined : afterIdOf(token, asked)
  refuse([
    ...(point === null ? [] : wrongPoint(point, 'point.')),
    ...wrongQuery(query),
    ...outside(pageSize, 'page_size', maxPageSize, `0 for ${defaultPageSize}, `),
    ...(token === '' || afterId !== undefined ? [] : [wrongToken]),
  ])
  const limit = pageSize === 0 ? defaultPageSize : pageSize
  return { ...asked, limit: withGeometry ? Math.min(limit, maxPageSizeWithGeometry) : limit, afterId, withGeometry }
}

/**
 * The search of a request of the older API. A coordinate other than 0, 0, or an empty query, makes it a search by point. It ignores the
 * query then, since clients send a placeholder. A query with 0, 0 is a search by name. Throws as `wantedOf`.
 */
export const wantedOfOlder = (request: OlderSearchRequest): Wanted => {
  const { query, page_number: pageNumber, result_per_page: resultPerPage, lat, lng } = request
  const limit = resultPerPage === 0 ? defaultPageSize : resultPerPage
  const size = outside(resultPerPage, 'result_per_page', maxOlderPageSize, `0 for ${defaultPageSize}, `)
  const lastPage = size.length > 0 ? maxOffset : Math.floor(maxOffset / limit)
  refuse([
    ...wrongPoint({ lat, lng }, ''),
    ...wrongQuery(query),
    ...size,
    ...outside(pageNumber, 'page_number', lastPage, `with ${limit} results a page, `),
  ])
  const name = nameOf(query)
  const byPoint = lat !== 0 || lng !== 0 || name === undefined
  return { ...(byPoint ? { point: { lat, lng } } : { name }), limit, offset: pageNumber * limit }
}

const refuse = (violations: readonly FieldViolation[]): void => {
  if (violations.length > 0) throw badRequest(violations)
}

const wrongPoint = ({ lat, lng }: Point, prefix: string): readonly FieldViolation[] =>
  (
    [
      ['lat', lat, 90],
      ['lng', lng, 180],
    ] as const
  )
    // NaN is in no range.
    .filter(([, value, limit]) => !(Math.abs(value) <= limit))
    .map(([field, value, limit]) => ({
      field: `${prefix}${field}`,
      description: `must be from -${limit} to ${limit} degrees, is ${value}`,
    }))

/** Names are stored in Unicode's composed form. */
const nameOf = (query: string): string | undefined =>
  query === '' || query.length > maxQueryLength ? undefined : query.normalize('NFC')

const wrongQuery = (query: string): readonly FieldViolation[] => {
  const field = 'query'
  if (query.length > maxQueryLength) {
    return [{ field, description: `must have at most ${maxQueryLength} characters, has ${query.length}` }]
  }
  return query.includes('\0') ? [{ field, description: 'must not hold the character NUL' }] : []
}

const outside = (value: number, field: string, max: number, hint: string): readonly FieldViolation[] =>
  value >= 0 && value <= max ? [] : [{ field, description: `must be from 0 to ${max}, ${hint}is ${value}` }]

const wrongToken: FieldViolation = {
  field: 'page_token',
  description: 'must be the next_page_token of an answer to the same point and query',
}
