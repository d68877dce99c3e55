import { borrowed, type Database } from '@armature/database/database'
import { openDatabase } from '@armature/database/open'
import { startPostgres } from '@armature/servers/postgres'
import type { RunningServer } from '@armature/servers/server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { importThings } from '../src/import-things.ts'
import { openStore, type Store, type Thing, type Wanted } from '../src/store.ts'

const polygon = (...ring: readonly (readonly [lng: number, lat: number])[]) =>
  JSON.stringify({ type: 'Polygon', coordinates: [[...ring, ring[0]]] })
const square = (lng: number, lat: number, size = 10) =>
  polygon([lng, lat], [lng + size, lat], [lng + size, lat + size], [lng, lat + size])

const things: readonly Thing[] = [
  { name: 'West', code: 'WE', geometry: square(0, 0) },
  { name: 'East', code: 'EA', geometry: square(10, 0) },
  { name: 'Inner West', code: '', geometry: square(2, 2, 2) },
  { name: 'C\u00f4te d\u2019Azur', code: 'CA', geometry: square(-50, 0) },
  { name: '100%_sure\\', code: 'XX', geometry: square(-80, 0) },
]

describe.each(['embedded', 'postgres'])('%s', (name) => {
  let database: Database
  let store: Store
  let server: RunningServer | undefined
  beforeAll(async () => {
    if (name === 'postgres') server = await startPostgres()
    database = await openDatabase(server?.url ?? 'embedded:')
    await importThings(database, things)
    store = await openStore(borrowed(database))
  }, 600_000)
  afterAll(async () => {
    await database.close()
    await server?.stop()
  }, 60_000)

  const namesOf = async (wanted: Partial<Wanted>) =>
    (await store.search({ limit: 10, ...wanted })).things.map((thing) => thing.name)

  describe('search', () => {
    test.each<[string, Partial<Wanted>, readonly string[]]>([
      ['by a point inside', { point: { lat: 1, lng: 1 } }, ['West']],
      ['by a point in two', { point: { lat: 3, lng: 3 } }, ['West', 'Inner West']],
      ['by a point on the border between two', { point: { lat: 5, lng: 10 } }, ['West', 'East']],
      ['by a corner', { point: { lat: 0, lng: 0 } }, ['West']],
      ['by a point outside all', { point: { lat: -1, lng: 1 } }, []],
      ['by part of a name in another case', { name: 'wEST' }, ['West', 'Inner West']],
      ['by a name beyond ASCII in another case', { name: 'C\u00d4TE' }, ['C\u00f4te d\u2019Azur']],
      ['by a point and a name: both must hold', { point: { lat: 3, lng: 3 }, name: 'inner' }, ['Inner West']],
      ['by neither: all', {}, things.map((thing) => thing.name)],
      ['by what LIKE takes for a pattern', { name: '%_s' }, ['100%_sure\\']],
      ['by LIKE\u2019s escape', { name: '\\' }, ['100%_sure\\']],
      ['by SQL', { name: "' or true; drop table thing; --" }, []],
    ])('%s', async (_how, wanted, expected) => {
      expect(await namesOf(wanted)).toEqual(expected)
    })

    test('goes from page to page by id, and says whether more follow', async () => {
      const seen: string[] = []
      let afterId: string | undefined
      for (let page = 0; page < 3; page += 1) {
        const { things: found, more } = await store.search({ limit: 2, afterId })
        seen.push(...found.map((thing) => thing.name))
        afterId = found.at(-1)?.id
        expect(more).toBe(page < 2)
      }
      expect(seen).toEqual(things.map((thing) => thing.name))
      expect(await store.search({ limit: 2, afterId })).toEqual({ things: [], more: false })
    })

    test('or by offset', async () => {
      expect(await namesOf({ limit: 2, offset: 2 })).toEqual(['Inner West', 'C\u00f4te d\u2019Azur'])
      expect(await namesOf({ offset: 5 })).toEqual([])
    })

    test('has the outline when asked', async () => {
      const wanted = { name: 'inner', limit: 1 }
      expect((await store.search(wanted)).things[0]).toEqual({ id: '3', name: 'Inner West', code: '', geometry: '' })
      const [thing] = (await store.search({ ...wanted, withGeometry: true })).things
      expect(JSON.parse(thing?.geometry ?? '')).toEqual({
        type: 'MultiPolygon',
        coordinates: [
          [
            [
              [2, 2],
              [4, 2],
              [4, 4],
              [2, 4],
              [2, 2],
            ],
          ],
        ],
      })
    })

    test('given up before its turn is not begun', async () => {
      await expect(store.search({ limit: 1 }, AbortSignal.abort())).rejects.toMatchObject({ code: '57014' })
      await expect(store.count(AbortSignal.abort())).rejects.toMatchObject({ code: '57014' })
    })

    test('by point uses the index', async () => {
      await database.query('set enable_seqscan = off')
      const explaining = await openStore({
        ...borrowed(database),
        query: (sql, params) => database.query(`explain ${sql}`, params),
      })
      const plan = await explaining.search({ point: { lat: 1, lng: 1 }, limit: 99 })
      await database.query('reset enable_seqscan')
      expect(JSON.stringify(plan)).toContain('thing_geom')
    })
  })

  describe('import', () => {
    /** Two triangles that meet where the outline crosses itself. */
    const bowTie = polygon([30, 0], [40, 10], [40, 0], [30, 10])

    test('repairs what is invalid, tells what has no area, and keeps all', async () => {
      const before = await store.count()
      const line = JSON.stringify({
        type: 'LineString',
        coordinates: [
          [0, 0],
          [1, 1],
        ],
      })
      const report = await importThings(database, [
        { name: 'bow tie', code: '', geometry: bowTie },
        { name: 'line', code: '', geometry: line },
        { name: 'fine', code: '', geometry: square(50, 0) },
      ])
      expect(report).toEqual({ things: 3, repaired: 1, empty: ['line'] })
      expect(await store.count()).toBe(before + 3)
      expect(await namesOf({ point: { lat: 1, lng: 35 } })).toEqual([])
      expect(await namesOf({ point: { lat: 5, lng: 31 } })).toEqual(['bow tie'])
      expect(await namesOf({ name: 'line' })).toEqual(['line'])
      expect(await namesOf({ point: { lat: 0.5, lng: 0.5 } })).not.toContain('line')
      const { rows } = await database.query('select every(ST_IsValid(geom)) as valid from thing')
      expect(rows).toEqual([{ valid: true }])
    })

    test('of a thing that is no GeoJSON names it, and nothing is imported', async () => {
      const before = await store.count()
      const bad = { name: 'Nowhere', code: '', geometry: '{"type":"Polygon"}' }
      await expect(importThings(database, [things[0]!, bad])).rejects.toThrow(/^thing 'Nowhere': /)
      expect(await store.count()).toBe(before)
    })

    test('stores names in the composed form that queries are brought to', async () => {
      await importThings(database, [{ name: 'A\u030angstro\u0308m', code: '', geometry: square(60, 0) }])
      expect(await namesOf({ name: '\u00e5ngstr\u00f6m' })).toHaveLength(1)
    })
  })
})

test('a store that cannot be made closes its database', async () => {
  const fault = new Error('no')
  let closed = 0
  const broken: Database = {
    query: () => Promise.reject(fault),
    transaction: () => Promise.reject(fault),
    close: async () => void (closed += 1),
  }
  await expect(openStore(broken)).rejects.toBe(fault)
  expect(closed).toBe(1)
})
