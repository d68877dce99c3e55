import type { Database } from '@armature/database/database'
import { serviceMetrics } from '@armature/service/service-metrics'
import { status } from '@grpc/grpc-js'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { MonitorResponse, OlderSearchRequest, SearchRequest, SearchResponse } from '@armature/search-api/api'
import { areas, openAreas, type Running, startSearch } from './server.ts'

let database: Database
let running: Running
beforeAll(async () => {
  database = await openAreas()
  running = await startSearch({ database })
}, 120_000)
afterAll(async () => {
  await running.close()
  await database.close()
}, 30_000)

const thingsNow = async () => (await running.v1<MonitorResponse>('Monitor', {})).n_things

test.each<[string, Partial<SearchRequest>]>([
  ['point.lat', { point: { lat: NaN, lng: 0 } }],
  ['point.lng', { point: { lat: 0, lng: 180.5 } }],
  ['point.lng', { point: { lat: 0, lng: -Infinity } }],
  ['query', { query: 'x'.repeat(1_000_000) }],
  ['query', { query: 'a\0b' }],
  ['page_size', { page_size: 101 }],
  ['page_token', { page_token: 'guessed' }],
])('v1 answers INVALID_ARGUMENT and names %s', async (field, request) => {
  await expect(running.v1('Search', request)).rejects.toMatchObject({
    code: status.INVALID_ARGUMENT,
    details: expect.stringMatching(`^${field}: must`),
  })
})

test.each<[string, Partial<OlderSearchRequest>]>([
  ['lat', { lat: NaN }],
  ['lng', { lng: Infinity }],
  ['lat', { lat: -90.5 }],
  ['query', { query: 'x'.repeat(1_000_000) }],
  ['page_number', { query: 'a', page_number: -1 }],
  ['result_per_page', { query: 'a', result_per_page: -1 }],
])('the older API answers INVALID_ARGUMENT and names %s', async (field, request) => {
  await expect(running.older('search', request)).rejects.toMatchObject({
    code: status.INVALID_ARGUMENT,
    details: expect.stringMatching(`^${field}: must`),
  })
})

test('a message above 4 MiB is RESOURCE_EXHAUSTED', async () => {
  await expect(running.v1('Search', { query: 'x'.repeat(5_000_000) })).rejects.toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
  })
})

const paths = ['/armature.search.v1.SearchService/Search', '/Search/search'] as const

test.each(paths)('malformed protobuf to %s is INTERNAL, counted and logged, and the service lives', async (path) => {
  const counted = () =>
    running.telemetry.metrics.value(serviceMetrics['rpc.server.call.duration'], {
      'rpc.method': path.slice(1),
      'rpc.status_code': 'INTERNAL',
    })
  const [before, lines] = [counted(), running.lines().length]
  await expect(running.raw(path, Buffer.from('0aff', 'hex'))).rejects.toMatchObject({ code: status.INTERNAL })
  await vi.waitFor(() => expect(counted()).toBe(before + 1))
  expect(running.lines().slice(lines)).toMatchObject([{ method: path.slice(1), status: 'INTERNAL', level: 'error' }])
  expect(await thingsNow()).toBe(String(areas.length))
})

test.each([
  `'; drop table thing; --`,
  `" or "1"="1`,
  `%' or '1'='1`,
  '__proto__',
  'constructor',
  '%',
  '_',
  '$1',
  '\\',
  '\u202e\ufeff\u2028',
])('the query %j is text and no more', async (query) => {
  expect((await running.v1<SearchResponse>('Search', { query })).results).toEqual([])
  expect(await running.older('search', { query })).toEqual({ responses: [] })
  expect(await thingsNow()).toBe(String(areas.length))
  expect(Object.prototype).not.toHaveProperty('polluted')
})

test('unknown fields and a message of other types of the same wire shape do no harm', async () => {
  const unknownField = Buffer.from('a20603616263', 'hex')
  const answer = await running.raw('/Search/monitor', unknownField)
  expect([...answer]).toEqual([0x08, areas.length])
})
