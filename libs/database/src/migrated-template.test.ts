import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openEmbedded } from './embedded.ts'
import { migrate } from './migrate.ts'
import { migratedTemplate } from './migrated-template.ts'

const cache = mkdtempSync(join(tmpdir(), 'templates-'))
afterAll(() => rmSync(cache, { recursive: true, force: true }))

const migrations = (...statements: string[]) => ({
  owner: 'owner',
  steps: statements.map((statement, index) => ({ name: `step-${index}`, statements: [statement] })),
})

test('a database opened from it has the migrations behind it', { timeout: 120_000 }, async () => {
  const given = migrations('create table made (id int)')
  const database = await openEmbedded({ template: migratedTemplate(given), cache, onProgress: () => undefined })
  try {
    expect((await database.query('select * from made')).count).toBe(0)
    expect(await migrate(database, given)).toBe(0)
  } finally {
    await database.close()
  }
})

test('its version follows the migrations', () => {
  const [one, same, other] = [migrations('a'), migrations('a'), migrations('a', 'b')].map(migratedTemplate)
  expect(one).toMatchObject({ name: 'owner', version: same?.version })
  expect(other?.version).not.toBe(one?.version)
})
