import type { StatusError } from '@armature/service/grpc-status'
import { status } from '@grpc/grpc-js'
import { describe, expect, test } from 'vitest'
import type { OlderSearchRequest, SearchRequest } from '@armature/search-api/api'
import { pageToken } from './page-token.ts'
import { wantedOf, wantedOfOlder } from './validate.ts'

const nothing: SearchRequest = { point: null, query: '', page_size: 0, page_token: '', with_geometry: false }
const olderNothing: OlderSearchRequest = { query: '', page_number: 0, result_per_page: 0, lat: 0, lng: 0 }

describe('v1', () => {
  test.each<[string, Partial<SearchRequest>, object]>([
    ['nothing', {}, { point: undefined, name: undefined, limit: 10, afterId: undefined }],
    ['the corners of the world', { point: { lat: -90, lng: 180 } }, { point: { lat: -90, lng: 180 } }],
    ['the point 0, 0', { point: { lat: 0, lng: 0 } }, { point: { lat: 0, lng: 0 } }],
    ['point and name', { point: { lat: 1, lng: 2 }, query: 'a' }, { point: { lat: 1, lng: 2 }, name: 'a' }],
    ['the longest query', { query: 'x'.repeat(256) }, { name: 'x'.repeat(256) }],
    ['a query in another form of Unicode', { query: 'Co\u0302te' }, { name: 'C\u00f4te' }],
    ['the largest page', { page_size: 100 }, { limit: 100 }],
    ['a smaller page with geometry', { page_size: 100, with_geometry: true }, { limit: 10, withGeometry: true }],
    ['the next page', { query: 'a', page_token: pageToken('7', { name: 'a' }) }, { name: 'a', afterId: '7' }],
  ])('takes %s', (_what, request, wanted) => {
    expect(wantedOf({ ...nothing, ...request })).toMatchObject(wanted)
  })

  test.each<[string, Partial<SearchRequest>]>([
    ['point.lat', { point: { lat: NaN, lng: 0 } }],
    ['point.lat', { point: { lat: 90.0001, lng: 0 } }],
    ['point.lat', { point: { lat: -Infinity, lng: 0 } }],
    ['point.lng', { point: { lat: 0, lng: -180.0001 } }],
    ['point.lng', { point: { lat: 0, lng: Infinity } }],
    ['query', { query: 'x'.repeat(257) }],
    ['query', { query: 'a\0b' }],
    ['page_size', { page_size: -1 }],
    ['page_size', { page_size: 101 }],
    ['page_token', { page_token: 'x' }],
    ['page_token', { page_token: 'x'.repeat(1_000_000) }],
    ['page_token', { query: 'b', page_token: pageToken('7', { name: 'a' }) }],
  ])('names %s', (field, request) => {
    expect(() => wantedOf({ ...nothing, ...request })).toThrow(
      expect.objectContaining({ code: status.INVALID_ARGUMENT, message: expect.stringMatching(`^${field}: must`) }),
    )
  })
})

test('everything that is wrong is named at once', () => {
  const refused = (work: () => unknown): unknown => {
    try {
      return work()
    } catch (error) {
      return (error as StatusError).violations.map(({ field }) => field)
    }
  }
  const all = { point: { lat: 91, lng: NaN }, query: '\0', page_size: -1, page_token: 'x', with_geometry: false }
  expect(refused(() => wantedOf(all))).toEqual(['point.lat', 'point.lng', 'query', 'page_size', 'page_token'])
  const older = { lat: 91, lng: 181, query: '\0', result_per_page: -1, page_number: -1 }
  expect(refused(() => wantedOfOlder(older))).toEqual(['lat', 'lng', 'query', 'result_per_page', 'page_number'])
})

describe('older', () => {
  test.each<[string, Partial<OlderSearchRequest>, object]>([
    ['a point, whatever the query', { lat: 1, lng: 0, query: 'placeholder' }, { point: { lat: 1, lng: 0 }, limit: 10 }],
    ['a point on the equator', { lng: -1, query: 'x' }, { point: { lat: 0, lng: -1 } }],
    ['0, 0 without a query as a point', {}, { point: { lat: 0, lng: 0 } }],
    ['-0, 0 with a query as a name', { lat: -0, query: 'x' }, { name: 'x' }],
    ['0, 0 with a query as a name', { query: 'x' }, { name: 'x', offset: 0, limit: 10 }],
    ['a later page', { query: 'x', page_number: 3, result_per_page: 7 }, { offset: 21, limit: 7 }],
    ['the largest page', { query: 'x', result_per_page: 1_000 }, { limit: 1_000 }],
    ['the last page', { query: 'x', page_number: 100, result_per_page: 100 }, { offset: 10_000 }],
  ])('takes %s', (_what, request, wanted) => {
    const got = wantedOfOlder({ ...olderNothing, ...request })
    expect(got).toMatchObject(wanted)
    expect('point' in got).not.toBe('name' in got)
  })

  test.each<[string, Partial<OlderSearchRequest>]>([
    ['lat', { lat: NaN }],
    ['lat', { lat: 91 }],
    ['lng', { lng: Infinity }],
    ['lng', { lng: -181 }],
    ['query', { query: 'x'.repeat(1_000_000) }],
    ['query', { query: 'x'.repeat(1_000_000), lat: 1 }],
    ['page_number', { page_number: -1 }],
    ['page_number', { page_number: 101, result_per_page: 100 }],
    ['page_number', { page_number: 2 ** 31 - 1 }],
    ['result_per_page', { result_per_page: -1 }],
    ['result_per_page', { result_per_page: 1_001 }],
  ])('names %s', (field, request) => {
    expect(() => wantedOfOlder({ ...olderNothing, ...request })).toThrow(
      expect.objectContaining({ code: status.INVALID_ARGUMENT, message: expect.stringMatching(`^${field}: must`) }),
    )
  })
})
