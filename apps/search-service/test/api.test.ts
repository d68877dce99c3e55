import type { Database } from '@armature/database/database'
import { databaseMetrics } from '@armature/database/database-metrics'
import { memoryDiscovery } from '@armature/discovery/memory'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type {
  MonitorResponse,
  OlderMonitorResponse,
  OlderSearchRequest,
  OlderSearchResponses,
  SearchRequest,
  SearchResponse,
} from '@armature/search-api/api'
import { createSearchClient } from '@armature/search-api/client'
import { searchMetrics } from '../src/search-metrics.ts'
import { areas, openAreas, type Running, startSearch } from './server.ts'

let database: Database
let running: Running
const discovery = memoryDiscovery()
beforeAll(async () => {
  database = await openAreas()
  running = await startSearch({ database, registrar: discovery })
}, 120_000)
afterAll(async () => {
  await running.close()
  await database.close()
}, 30_000)

const search = (request: Partial<SearchRequest>) => running.v1<SearchResponse>('Search', request)
const olderSearch = async (request: Partial<OlderSearchRequest>) =>
  (await running.older<OlderSearchResponses>('search', request)).responses.map(({ response }) => response)
const names = (response: SearchResponse) => response.results.map(({ name }) => name)
const letters = (from: number, to: number) => areas.slice(from, to).map(({ name }) => name)

describe('v1', () => {
  test('finds by point, by name, and by both', async () => {
    expect(names(await search({ point: { lat: 5, lng: 12 } }))).toEqual(['Area c'])
    expect(names(await search({ query: 'AREA C' }))).toEqual(['Area c'])
    expect(names(await search({ point: { lat: 5, lng: 5 }, query: 'b' }))).toEqual(['Area b'])
    expect(names(await search({ point: { lat: 5, lng: 12 }, query: 'b' }))).toEqual([])
  })

  test('gives id, name and code, and the geometry when asked', async () => {
    const { results } = await search({ query: 'area b' })
    expect(results).toEqual([{ id: '2', name: 'Area b', code: 'XB', geometry: '' }])
    const [withGeometry] = (await search({ query: 'area b', with_geometry: true })).results
    expect(JSON.parse(withGeometry?.geometry ?? '')).toMatchObject({ type: 'MultiPolygon' })
  })

  test('leafs by token through all results, each once', async () => {
    const pages: string[][] = []
    let pageToken = ''
    do {
      const page = await search({ query: 'area', page_token: pageToken })
      pages.push(names(page))
      pageToken = page.next_page_token
    } while (pageToken !== '' && pages.length < 9)
    expect(pages).toEqual([letters(0, 10), letters(10, 20), letters(20, 26)])
  })

  test('a page with geometry has at most ten results and says that more follow', async () => {
    const page = await search({ page_size: 100, with_geometry: true })
    expect(page.results).toHaveLength(10)
    expect(page.next_page_token).not.toBe('')
  })

  test('a full last page has no next one', async () => {
    expect((await search({ page_size: 26 })).next_page_token).toBe('')
  })

  test('monitor counts the things', async () => {
    expect(await running.v1<MonitorResponse>('Monitor', {})).toEqual({ n_things: '26' })
  })

  test('by its client', async () => {
    const client = createSearchClient(running.service.address)
    expect(names(await client.search({ query: 'area z' }))).toEqual(['Area z'])
    expect(await client.monitor()).toBe(26)
    client.close()
  })
})

describe('older', () => {
  test('a coordinate searches by point and ignores the query', async () => {
    expect(await olderSearch({ lat: 5, lng: 12, query: 'placeholder' })).toEqual(['Area c'])
    expect(await olderSearch({ lng: 12.5 })).toEqual(['Area c'])
  })

  test('0, 0 searches by name, or by point where the query is empty', async () => {
    expect(await olderSearch({ query: 'area d' })).toEqual(['Area d'])
    expect(await olderSearch({})).toEqual(['Area a'])
  })

  test('pages count from 0, with ten results unless asked', async () => {
    expect(await olderSearch({ query: 'area' })).toEqual(letters(0, 10))
    expect(await olderSearch({ query: 'area', page_number: 2 })).toEqual(letters(20, 26))
    expect(await olderSearch({ query: 'area', page_number: 3 })).toEqual([])
    expect(await olderSearch({ query: 'area', page_number: 1, result_per_page: 4 })).toEqual(letters(4, 8))
  })

  test('monitor counts the things', async () => {
    expect(await running.older<OlderMonitorResponse>('monitor', {})).toEqual({ n_things: 26 })
  })
})

test('others find it where it listens', async () => {
  const [instance] = await discovery.resolve('search-service')
  expect(`${instance?.host}:${instance?.port}`).toBe(running.service.address)
  expect(running.service.addresses?.()).toEqual([{ label: 'gRPC', address: running.service.address }])
})

describe('each call is on record', () => {
  let before: number
  beforeEach(() => {
    before = running.lines().length
  })
  const newLines = async (count: number) => {
    await vi.waitFor(() => expect(running.lines().length - before).toBe(count))
    return running.lines().slice(before)
  }

  test('in one log line, with the request id of the client', async () => {
    const client = createSearchClient(running.service.address)
    await client.search({ query: 'area' }, { requestId: 'from-the-client/1' })
    client.close()
    const [line] = await newLines(1)
    expect(line).toMatchObject({
      level: 'info',
      service: 'search-service',
      event: 'search',
      eventId: expect.stringMatching(/^[\da-f-]{36}$/),
      requestId: 'from-the-client/1',
      method: 'armature.search.v1.SearchService/Search',
      status: 'OK',
      durationMs: expect.any(Number),
      results: 10,
      codes: ['XA', 'XB', 'XC'],
      names: letters(0, 3),
    })
  })

  test('whatever its API and its end, each with ids of its own', async () => {
    await olderSearch({ query: 'area z' })
    await running.older('monitor', {})
    await expect(olderSearch({ lat: 91 })).rejects.toThrow('lat')
    const lines = await newLines(3)
    expect(lines.map(({ method, status, results }) => [method, status, results])).toEqual([
      ['Search/search', 'OK', 1],
      ['Search/monitor', 'OK', 26],
      ['Search/search', 'INVALID_ARGUMENT', undefined],
    ])
    expect(new Set(lines.flatMap(({ eventId, requestId }) => [eventId, requestId])).size).toBe(6)
  })

  test.each(['with space', 'x'.repeat(129), '{"a":1}'])('but a request id like %j is replaced', async (requestId) => {
    const client = createSearchClient(running.service.address)
    await client.search({}, { requestId })
    client.close()
    const [line] = await newLines(1)
    expect(line?.requestId).toMatch(/^[\da-f-]{36}$/)
  })

  test('in the metrics and in the books', async () => {
    const { metrics } = running.telemetry
    const read = () =>
      (['search', 'search_count', 'monitor', 'monitor_count'] as const).map((name) =>
        metrics.value(searchMetrics[name]),
      )
    const [was, [row]] = [read(), running.service.ledger()]
    await olderSearch({ query: 'area z' })
    await search({})
    await expect(search({ page_size: -1 })).rejects.toThrow('page_size')
    await running.v1('Monitor', {})
    await newLines(4)
    expect(read().map((value, index) => value - (was[index] ?? 0))).toEqual([3, 3, 1, 1])
    const received = (row?.received ?? 0) + 4
    expect(running.service.ledger()).toEqual([
      { stage: 'search-service', received, acked: received, returned: 0, deadLettered: 0, dropped: {}, inFlight: 0 },
    ])
    expect(metrics.value(databaseMetrics['db.client.operation.duration'])).toBe(0)
  })
})
