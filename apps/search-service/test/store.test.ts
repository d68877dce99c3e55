import { withoutClose, type Database, type Queryable } from '@armature/database/database'
import { migrate } from '@armature/database/migrate'
import { openDatabase } from '@armature/database/open'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { startPostgres } from '@armature/servers/postgres'
import type { RunningServer } from '@armature/servers/server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { importThings, refreshPlans } from '../src/import-things.ts'
import { migrations } from '../src/migrations.ts'
import { searchStatement, type Wanted } from '../src/search-sql.ts'
import { openStore, type Store, type Thing } from '../src/store.ts'

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
    store = await openStore(withoutClose(database))
  }, serverDeadlineMs)
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
      const signal = AbortSignal.abort()
      await expect(store.search({ limit: 1 }, { signal })).rejects.toMatchObject({ code: '57014' })
      await expect(store.count({ signal })).rejects.toMatchObject({ code: '57014' })
    })

    test('finds a thing of many parts once, at points within and between them, and by name once', async () => {
      const ring = Array.from({ length: 1_000 }, (_, index): [number, number] => {
        const angle = (index * 2 * Math.PI) / 1_000
        return [100 + 10 * Math.cos(angle), 10 * Math.sin(angle)]
      })
      await importThings(database, [{ name: 'Round', code: 'RO', geometry: polygon(...ring) }])
      const { rows } = await database.query<{ parts: number; cuts: number }>(
        `select count(*) as parts, max(ST_XMin(part.geom)) as cuts, max(ST_NPoints(part.geom)) as points
         from thing_part as part join thing on thing.id = thing_id where name = 'Round'`,
      )
      expect(rows[0]).toMatchObject({ parts: expect.toSatisfy((parts: number) => parts >= 8 && parts < 64) })
      expect(rows[0]).toMatchObject({ points: expect.toSatisfy((points: number) => points <= 128) })
      const edges = await database.query<{ lng: number; lat: number }>(
        `select ST_X(point) as lng, ST_Y(point) as lat
         from thing_part as one join thing_part as other on one.ctid < other.ctid and ST_Intersects(one.geom, other.geom),
              ST_PointOnSurface(ST_Intersection(one.geom, other.geom)) as point
         where ST_XMin(one.geom) > 89`,
      )
      expect(edges.rows.length).toBeGreaterThan(4)
      for (const point of [{ lat: 0, lng: 100 }, { lat: 9.9, lng: 100 }, ...edges.rows]) {
        expect(await namesOf({ point })).toEqual(['Round'])
        expect(await namesOf({ point, name: 'roun' })).toEqual(['Round'])
      }
      expect(await namesOf({ point: { lat: 9, lng: 109 } })).toEqual([])
      expect(await namesOf({ name: 'round' })).toEqual(['Round'])
    })

    describe('among many things', () => {
      const undo = new Error('undo')
      /** 5,000 squares of a tenth of a degree, gone again at the end. */
      const among = async (work: (within: Queryable) => Promise<void>) => {
        const crowded = database.transaction(async (within) => {
          await within.query(
            `insert into thing (name, code, geom)
             select 'Square ' || n, '', ST_Multi(ST_MakeEnvelope(x, y, x + 0.1, y + 0.1, 4326))
             from generate_series(0, 4999) as n, lateral (select -90 + n % 100 / 10.0 as x, -20 + n / 100 / 10.0 as y) as at`,
          )
          await within.query('insert into thing_part select id, (ST_Dump(geom)).geom from thing where code = $1', [''])
          await refreshPlans(within)
          await work(within)
          throw undo
        })
        await expect(crowded).rejects.toBe(undo)
      }

      test.each([
        { how: 'point', wanted: { point: { lat: -15.05, lng: -85.05 } }, types: 'float8, float8' },
        { how: 'point and name', wanted: { point: { lat: 5, lng: 12 }, name: 'a' }, types: 'float8, float8, text' },
      ])('by $how uses the index of places only, with one plan for all points', async ({ wanted, types }) => {
        const { sql, params } = searchStatement({ limit: 10, ...wanted })
        const values = params.map((value) => (typeof value === 'string' ? `'${value}'` : String(value))).join(', ')
        await among(async (within) => {
          await within.query('set local plan_cache_mode = force_generic_plan')
          await within.query(`prepare kept (bigint, bigint, bigint, boolean, ${types}) as ${sql}`)
          const { rows } = await within.query(`explain execute kept (${values})`)
          await within.query('deallocate kept')
          expect(JSON.stringify(rows)).toMatch(/thing_part_geom[^]*Index Cond/)
          // By the ids alone it would read those of every part that comes after the page before.
          expect(JSON.stringify(rows)).not.toContain('thing_part_thing_id')
        })
      })

      test.each([
        { name: 'are 4998', index: 'thing_name', found: ['Square 4998'] },
        { name: 'square', index: 'thing_pkey', found: ['Square 0', 'Square 1'] },
      ])('by the name $name uses $index', async ({ name, index, found }) => {
        const { sql, params } = searchStatement({ limit: 2, name })
        await among(async (within) => {
          const { rows } = await within.query(`explain ${sql}`, params)
          expect(/Index Scan (?:using|on) (\w+)/.exec(JSON.stringify(rows))?.[1]).toBe(index)
          const page = await within.query<{ name: string }>(sql, params)
          expect(page.rows.slice(0, 2).map((row) => row.name)).toEqual(found)
        })
      })
    })
  })

  test('brings the tables of the release before up to date: things that are there are found as before', async () => {
    const url = new URL(server?.url ?? 'embedded:')
    if (server !== undefined) {
      url.pathname = '/older'
      await database.query('create database older')
    }
    const older = await openDatabase(url.href)
    await migrate(older, { ...migrations, steps: migrations.steps.slice(0, 1) })
    const insert = 'insert into thing (name, code, geom) values ($1, $1, ST_GeomFromText($2, 4326))'
    await older.query(insert, ['There', 'MULTIPOLYGON(((0 0, 10 0, 10 10, 0 10, 0 0)))'])
    await older.query(insert, ['Empty', 'MULTIPOLYGON EMPTY'])
    const upgraded = await openStore(older)
    const found = async (wanted: Partial<Wanted>) =>
      (await upgraded.search({ limit: 9, ...wanted })).things.map((thing) => thing.name)
    expect([await found({ point: { lat: 5, lng: 5 } }), await found({ name: 'empt' })]).toEqual([['There'], ['Empty']])
    await upgraded.close()
  }, 60_000)

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
