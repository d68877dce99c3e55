import type { Database } from '@armature/database/database'
import { openDatabase } from '@armature/database/open'
import { startPostgres } from '@armature/servers/postgres'
import type { RunningServer } from '@armature/servers/server'
import { status } from '@grpc/grpc-js'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { MonitorResponse, SearchResponse } from '../src/api.ts'
import { importThings } from '../src/import-things.ts'
import { areas, type Running, startSearch } from './server.ts'

let server: RunningServer
let database: Database
let running: Running
/** The first run may have to install the server. */
beforeAll(async () => {
  server = await startPostgres()
  database = await openDatabase(server.url)
  await importThings(database, areas)
  running = await startSearch({ database })
}, 600_000)
afterAll(async () => {
  await running.close()
  await database.close()
  await server.stop()
}, 60_000)

const monitor = () => running.v1<MonitorResponse>('Monitor', {})

test('both APIs answer from a server', async () => {
  expect(await running.v1<SearchResponse>('Search', { point: { lat: 5, lng: 12 }, query: 'c' })).toMatchObject({
    results: [{ name: 'Area c', code: 'XC' }],
    next_page_token: '',
  })
  expect(await running.older('search', { lat: 5, lng: 12 })).toEqual({ responses: [{ response: 'Area c' }] })
  expect(await monitor()).toEqual({ n_things: '26' })
})

test('while it is down calls are UNAVAILABLE, and answered again when it is back', async () => {
  await server.crash()
  await expect(monitor()).rejects.toMatchObject({
    code: status.UNAVAILABLE,
    details: 'the database does not serve now',
  })
  await server.restart()
  await vi.waitFor(async () => expect(await monitor()).toEqual({ n_things: '26' }), { timeout: 20_000 })
}, 60_000)
