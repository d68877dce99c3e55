import { invalidArgument } from '@armature/service/grpc-handler'
import type { OlderSearchRequest, Point, SearchRequest } from './api.ts'
import { afterIdOf } from './page-token.ts'
import type { Wanted } from './store.ts'

export const maxQueryLength = 256
export const maxTokenLength = 256
export const maxPageSize = 100
/** Clients of the older API were never told of a bound; its results are names only. */
export const maxOlderPageSize = 1_000
export const defaultPageSize = 10
/** Results with geometry on a page: a country's outline takes up to 2 MB. */
export const maxPageSizeWithGeometry = 10
/** How far the older API can leaf: the database counts its way to a page. */
export const maxOffset = 10_000

/** What the v1 API asks of the store. Throws StatusError INVALID_ARGUMENT with the field's name. */
export const wantedOf = (request: SearchRequest): Wanted => {
  const { point, query, page_size: pageSize, page_token: token, with_geometry: withGeometry } = request
  if (point !== null) checkPoint(point, 'point.')
  const asked = { point: point ?? undefined, name: nameOf(query) }
  const limit = pageSizeOf(pageSize, 'page_size', maxPageSize)
  return {
    ...asked,
    limit: withGeometry ? Math.min(limit, maxPageSizeWithGeometry) : limit,
    afterId: token === '' ? undefined : checkToken(token, asked),
    withGeometry,
  }
}

/**
 * What the older API asks of the store: a coordinate other than 0, 0, or an empty query, is a search by point, which ignores the
 * query, since its clients send a placeholder; a query with 0, 0 is one by name. Throws as `wantedOf`.
 */
export const wantedOfOlder = (request: OlderSearchRequest): Wanted => {
  const { query, page_number: pageNumber, result_per_page: resultPerPage, lat, lng } = request
  checkPoint({ lat, lng }, '')
  const name = nameOf(query)
  const limit = pageSizeOf(resultPerPage, 'result_per_page', maxOlderPageSize)
  const lastPage = Math.floor(maxOffset / limit)
  if (pageNumber < 0 || pageNumber > lastPage) {
    throw invalidArgument('page_number', `must be from 0 to ${lastPage} with ${limit} results a page, is ${pageNumber}`)
  }
  const byPoint = lat !== 0 || lng !== 0 || name === undefined
  return { ...(byPoint ? { point: { lat, lng } } : { name }), limit, offset: pageNumber * limit }
}

const checkPoint = ({ lat, lng }: Point, prefix: string): void => {
  for (const [field, value, limit] of [
    ['lat', lat, 90],
    ['lng', lng, 180],
  ] as const) {
    // NaN is in no range.
    if (!(Math.abs(value) <= limit)) {
      throw invalidArgument(`${prefix}${field}`, `must be from -${limit} to ${limit} degrees, is ${value}`)
    }
  }
}

/** Names are stored in Unicode's composed form. */
const nameOf = (query: string): string | undefined => {
  if (query.length > maxQueryLength) {
    throw invalidArgument('query', `must have at most ${maxQueryLength} characters, has ${query.length}`)
  }
  if (query.includes('\0')) throw invalidArgument('query', 'must not hold the character NUL')
  return query === '' ? undefined : query.normalize('NFC')
}

const pageSizeOf = (size: number, field: string, max: number): number => {
  if (size < 0 || size > max) {
    throw invalidArgument(field, `must be from 0 to ${max}, 0 for ${defaultPageSize}, is ${size}`)
  }
  return size === 0 ? defaultPageSize : size
}

const checkToken = (token: string, asked: Parameters<typeof afterIdOf>[1]): string => {
  const afterId = token.length > maxTokenLength ? undefined : afterIdOf(token, asked)
  if (afterId !== undefined) return afterId
  throw invalidArgument('page_token', 'must be the next_page_token of an answer to the same point and query')
}
