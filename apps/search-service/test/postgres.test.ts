import type { Database } from '@armature/database/database'
import { openDatabase } from '@armature/database/open'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { startPostgres } from '@armature/servers/postgres'
import type { RunningServer } from '@armature/servers/server'
import { status } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type MonitorResponse, type SearchResponse, searchServiceV1 } from '@armature/search-api/api'
import { callWith } from '@armature/search-api/client'
import { importThings } from '../src/import-things.ts'
import { areas, type Running, startSearch } from './server.ts'

let server: RunningServer
let database: Database
let running: Running
beforeAll(async () => {
  server = await startPostgres()
  database = await openDatabase(server.url)
  await importThings(database, areas)
  running = await startSearch({ database, readinessIntervalMs: 50 })
}, serverDeadlineMs)
afterAll(async () => {
  await running.close()
  await database.close()
  await server.stop()
}, 60_000)

/** HealthCheckResponse { ServingStatus status = 1 }: 1 SERVING, 2 NOT_SERVING. */
const health = async () =>
  ['', 'SERVING', 'NOT_SERVING'][(await running.raw('/grpc.health.v1.Health/Check', Buffer.alloc(0)))[1] ?? 0]
const monitor = () => running.v1<MonitorResponse>('Monitor', {})

test('both APIs answer from a server', async () => {
  expect(await running.v1<SearchResponse>('Search', { point: { lat: 5, lng: 12 }, query: 'c' })).toMatchObject({
    results: [{ name: 'Area c', code: 'XC' }],
    next_page_token: '',
  })
  expect(await running.older('search', { lat: 5, lng: 12 })).toEqual({ responses: [{ response: 'Area c' }] })
  expect(await monitor()).toEqual({ n_things: '26' })
})

describe('a query that waits', () => {
  /** Nothing can be read until `work` is done. */
  const whileLocked = async (work: () => Promise<void>) => {
    const other = await openDatabase(server.url)
    await other.transaction(async (within) => {
      await within.query('lock table thing, thing_part in access exclusive mode')
      await work()
    })
    await other.close()
  }
  const waiting = async () => {
    const { rows } = await database.query<{ n: number }>(
      `select count(*) as n from pg_locks where not granted and relation in ('thing'::regclass, 'thing_part'::regclass)`,
    )
    return rows[0]?.n
  }

  test('is cancelled when its client gives the call up', () =>
    whileLocked(async () => {
      const giveUp = new AbortController()
      const calls = Array.from({ length: 3 }, () =>
        running.v1('Search', { point: { lat: 5, lng: 12 } }, { signal: giveUp.signal }),
      )
      const ends = calls.map((call) => expect(call).rejects.toMatchObject({ code: status.CANCELLED }))
      // Only the first of the queries that share a connection waits for the lock.
      await vi.waitFor(async () => expect(await waiting()).toBeGreaterThan(0), { timeout: 10_000 })
      giveUp.abort()
      await Promise.all(ends)
      await vi.waitFor(async () => expect(await waiting()).toBe(0), { timeout: 10_000 })
    }))

  test('ends when the deadline of its call passes', () =>
    whileLocked(async () => {
      const hasty = callWith(running.client, searchServiceV1, 500)
      await expect(hasty('Search', { query: 'a' })).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED })
      await vi.waitFor(async () => expect(await waiting()).toBe(0), { timeout: 10_000 })
    }))
})

test('while it is down calls are UNAVAILABLE, and answered again when it is back', async () => {
  await server.crash()
  await expect(monitor()).rejects.toMatchObject({
    code: status.UNAVAILABLE,
    details: 'the database does not serve now',
  })
  await vi.waitFor(() => expect(running.service.notReady?.()).toMatchObject([{ check: 'database' }]), 20_000)
  expect(await health()).toBe('NOT_SERVING')
  await server.restart()
  await vi.waitFor(async () => expect(await monitor()).toEqual({ n_things: '26' }), { timeout: 20_000 })
  await vi.waitFor(async () => expect(await health()).toBe('SERVING'), { timeout: 20_000 })
  expect(running.service.notReady?.()).toEqual([])
}, 60_000)
