import { testTelemetry } from '@armature/telemetry/telemetry'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { databaseMetrics } from './database-metrics.ts'
import type { Database } from './database.ts'
import { openEmbedded } from './embedded.ts'
import { instrumented } from './instrumented.ts'

const telemetry = testTelemetry()
let database: Database
beforeAll(async () => {
  database = instrumented(await openEmbedded(), telemetry)
}, 120_000)
afterAll(() => database.close(), 30_000)

const measured = (labels: object) => telemetry.metrics.value(databaseMetrics['db.client.operation.duration'], labels)

test('each statement is timed by its first word, in a transaction too', async () => {
  await database.query('\n  select 1')
  await database.transaction((within) => within.query('SELECT 2'))
  expect(measured({ 'db.operation.name': 'SELECT' })).toBe(2)
})

test('a failed one has its SQLSTATE', async () => {
  await expect(database.query('select * from nowhere')).rejects.toMatchObject({ code: '42P01' })
  expect(measured({ 'error.type': '42P01' })).toBe(1)
})

test('what is no known word makes no label of its own', async () => {
  await database.query('show search_path')
  await expect(database.query('surprise!')).rejects.toMatchObject({ code: '42601' })
  expect(measured({ 'db.operation.name': 'OTHER' })).toBe(2)
})
