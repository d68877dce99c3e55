import { existsSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { borrowed, type Database, DatabaseError } from './database.ts'
import { openEmbedded } from './embedded.ts'

let database: Database
beforeAll(async () => {
  database = await openEmbedded()
}, 120_000)
afterAll(() => database.close())

test('params are values, whatever they hold', async () => {
  const hostile = `'; drop table schema_migration; -- \\ "$1"`
  const { rows } = await database.query<{ back: string }>('select $1::text as back', [hostile])
  expect(rows).toEqual([{ back: hostile }])
})
