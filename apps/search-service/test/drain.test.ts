import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { withoutClose, type Database, DatabaseError } from '@armature/database/database'
import { memoryDiscovery } from '@armature/discovery/memory'
import { imbalance } from '@armature/telemetry/ledger'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { Client, credentials, status } from '@grpc/grpc-js'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { searchServiceV1, type SearchResponse } from '@armature/search-api/api'
import { callWith, createSearchClient } from '@armature/search-api/client'
import { settings } from '../src/config.ts'
import { searchService } from '../src/service.ts'
import { openStore, type Store } from '../src/store.ts'
import { openAreas, type Running, startSearch, type StartOptions } from './server.ts'

let database: Database
const opened: Running[] = []
beforeAll(async () => {
  database = await openAreas()
}, 120_000)
afterEach(async () => {
  for (const running of opened.splice(0)) await running.close()
})
afterAll(() => database.close(), 30_000)

const start = async (options: Omit<StartOptions, 'database'> = {}) => {
  const running = await startSearch({ database, ...options })
  opened.push(running)
  return running
}

/** A store whose searches wait until they are let through. */
const gate = () => {
  const { promise: open, resolve: letThrough } = Promise.withResolvers<void>()
  let waiting = 0
  let begun = 0
  const wrap = (store: Store): Store => ({
    ...store,
    search: async (wanted, limits) => {
      waiting += 1
      await open
      begun += limits?.signal?.aborted === true ? 0 : 1
      return store.search(wanted, limits)
    },
  })
  return { wrap, letThrough, waiting: () => waiting, begun: () => begun }
}

const balanced = ({ service }: Running) =>
  service
    .ledger()
    .map(imbalance)
    .every((off) => off === 0)

test('a stop with calls in flight answers them all, takes no new ones, and leaves discovery first', async () => {
  const { wrap, letThrough, waiting } = gate()
  const discovery = memoryDiscovery()
  const running = await start({ wrap, registrar: discovery })
  const calls = Array.from({ length: 20 }, () => running.v1<SearchResponse>('Search', { query: 'area z' }))
  await vi.waitFor(() => expect(waiting()).toBe(20))
  expect(running.service.ledger()).toMatchObject([{ received: 20, acked: 0, inFlight: 20 }])

  const drained = running.drain()
  await vi.waitFor(async () => expect(await discovery.resolve('search-service')).toEqual([]))
  const late = createSearchClient(running.service.address, { deadlineMs: 5_000 })
  await expect(late.search({})).rejects.toMatchObject({ code: status.UNAVAILABLE })
  late.close()
  letThrough()
  const answers = await Promise.all(calls)
  await drained
  expect(answers.every(({ results }) => results[0]?.name === 'Area z')).toBe(true)
  expect(running.service.ledger()).toMatchObject([{ received: 20, acked: 20, dropped: {}, inFlight: 0 }])
  expect(running.lines().filter(({ event }) => event === 'search')).toHaveLength(20)
})

test('a call whose deadline passed is DEADLINE_EXCEEDED, and its query is not begun', async () => {
  const { wrap, letThrough, waiting, begun } = gate()
  const running = await start({ wrap })
  const hasty = new Client(running.service.address, credentials.createInsecure())
  const call = callWith(hasty, searchServiceV1, 200)
  const answer = expect(call('Search', { query: 'a' })).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED })
  await vi.waitFor(() => expect(waiting()).toBe(1))
  await answer
  await vi.waitFor(() => expect(running.lines()).toHaveLength(1))
  letThrough()
  hasty.close()
  await running.service.stopIntake?.()
  await running.service.finish?.()
  expect(begun()).toBe(0)
  // Either side's clock may be first; the client's takes the stream away.
  expect(['DEADLINE_EXCEEDED', 'CANCELLED']).toContain(running.lines()[0]?.status)
  expect(balanced(running)).toBe(true)
})

test('a call that its client gave up is in the books as dropped, and its query is not begun', async () => {
  const { wrap, letThrough, waiting, begun } = gate()
  const running = await start({ wrap })
  const giveUp = new AbortController()
  const call = running.v1('Search', {}, { signal: giveUp.signal })
  await vi.waitFor(() => expect(waiting()).toBe(1))
  giveUp.abort()
  await expect(call).rejects.toMatchObject({ code: status.CANCELLED })
  await vi.waitFor(() => expect(running.service.ledger()).toMatchObject([{ dropped: { cancelled: 1 }, inFlight: 0 }]))
  letThrough()
  await running.service.stopIntake?.()
  await running.service.finish?.()
  expect(begun()).toBe(0)
  expect(running.lines()).toMatchObject([{ status: 'CANCELLED' }])
  expect(balanced(running)).toBe(true)
})

test('more calls at once than allowed are RESOURCE_EXHAUSTED, the others are answered', async () => {
  const { wrap, letThrough, waiting } = gate()
  const running = await start({ wrap, config: { maxInFlight: 2 } })
  const held = [running.v1('Search', {}), running.v1('Search', {})]
  await vi.waitFor(() => expect(waiting()).toBe(2))
  await expect(running.v1('Search', {})).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED })
  letThrough()
  await Promise.all(held)
  expect(await running.v1<SearchResponse>('Search', { query: 'area z' })).toMatchObject({ results: [{ code: 'XZ' }] })
})

test.each<{ what: string; code: string; answer: status; details: string; lines?: number }>([
  {
    what: 'an outage of the database',
    code: '08006',
    answer: status.UNAVAILABLE,
    details: 'the database does not serve now',
  },
  { what: 'a timeout', code: '57014', answer: status.DEADLINE_EXCEEDED, details: 'the search took too long', lines: 1 },
  { what: 'a fault in the database', code: 'XX000', answer: status.INTERNAL, details: 'internal error' },
])('$what is answered without its text, which is in the log', async ({ code, answer, details, lines = 2 }) => {
  const fail = () => Promise.reject(new DatabaseError('canary', { code }))
  const running = await start({ wrap: (store) => ({ ...store, search: fail }) })
  await expect(running.v1('Search', {})).rejects.toMatchObject({ code: answer, details })
  await vi.waitFor(() => expect(running.lines()).toHaveLength(lines))
  if (lines === 2) expect(running.lines()[0]).toMatchObject({ level: 'error', err: { message: 'canary', code } })
})

test('geometry beyond what fits ends the page early, and nothing is lost', async () => {
  const large = 'x'.repeat(1_000_000)
  const running = await start({
    wrap: (store) => ({
      ...store,
      search: async (wanted, limits) => {
        const { things, more } = await store.search(wanted, limits)
        return { things: things.map((thing) => ({ ...thing, geometry: large })), more }
      },
    }),
  })
  const codes: string[] = []
  let pageToken = ''
  do {
    const page = await running.v1<SearchResponse>('Search', {
      with_geometry: true,
      page_size: 5,
      page_token: pageToken,
    })
    codes.push(...page.results.map(({ code }) => code))
    pageToken = page.next_page_token
  } while (pageToken !== '' && codes.length < 99)
  expect(codes.join('')).toBe(Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ', (letter) => `X${letter}`).join(''))
})

test('a taken port rejects the start, and closing then closes the store', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const { port } = holder.address() as AddressInfo
  const close = vi.fn(async () => undefined)
  const service = searchService(settings.parse({ grpcPort: port }), {
    telemetry: testTelemetry(),
    openStore: async () => ({ ...(await openStore(withoutClose(database))), close }),
  })
  try {
    await expect(service.start()).rejects.toMatchObject({ code: 'EADDRINUSE', port })
  } finally {
    holder.close()
  }
  await service.close()
  expect(close).toHaveBeenCalledOnce()
})

test('a stop while the store opens ends the start, and nothing is served', async () => {
  const stopping = new AbortController()
  const close = vi.fn(async () => undefined)
  const service = searchService(settings.parse({}), {
    telemetry: testTelemetry(),
    openStore: async () => {
      stopping.abort(new Error('stopped'))
      return { ...(await openStore(withoutClose(database))), close }
    },
  })
  await expect(service.start(stopping.signal)).rejects.toThrow('stopped')
  expect(service.addresses?.()).toEqual([])
  await service.close()
  expect(close).toHaveBeenCalledOnce()
})
