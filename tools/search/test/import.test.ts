import { type Database } from '@armature/database/database'
import { openDatabase } from '@armature/database/open'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { startPostgres } from '@armature/servers/postgres'
import type { RunningServer } from '@armature/servers/server'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type BadFeature, importFile } from '../src/import-file.ts'
import { splitJson } from '../src/json-splitter.ts'
import { migrations } from '@armature/search-service/migrations'
import { openStore } from '@armature/search-service/store'
import { migrate } from '@armature/database/migrate'
import { bad, bowTie, collectionOf, featureOf, good, ringAt } from './features.ts'

const problems = [
  'ring 1 is not closed',
  'its geometry is "LineString", no "Polygon" or "MultiPolygon"',
  'it is no JSON: NaN is no number there',
  expect.stringMatching(/^its outline is not valid: Self-intersection/),
]

describe.each(['embedded', 'postgres'])('%s', { timeout: 60_000 }, (kind) => {
  let database: Database
  let server: RunningServer | undefined
  beforeAll(async () => {
    if (kind === 'postgres') server = await startPostgres()
    database = await openDatabase(server?.url ?? 'embedded:')
    await migrate(database, migrations)
  }, serverDeadlineMs)
  afterAll(async () => {
    await database.close()
    await server?.stop()
  }, 60_000)
  beforeEach(() => database.query('truncate thing, thing_part'))

  const names = async () =>
    (await database.query<{ name: string }>('select name from thing order by id')).rows.map(({ name }) => name)
  const imported = async (text: string, options = {}) => {
    const found: BadFeature[] = []
    const doubts: BadFeature[] = []
    async function* bytes() {
      yield Buffer.from(text)
    }
    const report = await importFile(database, splitJson(bytes(), 1_000_000), {
      ...{ nameProperty: 'name', codeProperty: 'code', maxPoints: 1_000, strict: false, repair: false },
      onBad: (one) => found.push(one),
      onDoubt: (one) => doubts.push(one),
      ...options,
    })
    return { report, found, doubts }
  }

  test('good features are imported in their order, bad ones are reported by line and skipped', async () => {
    const { report, found } = await imported(collectionOf([...good.slice(0, 3), ...bad, ...good.slice(3)]))
    expect(report).toEqual({ imported: 5, skipped: 4, repaired: 0, withoutArea: 0, doubtful: 0 })
    expect(found.map(({ problem }) => problem)).toEqual(problems)
    expect(found.map(({ line, feature }) => [line, feature])).toEqual([
      [5, 4],
      [7, 6],
      [8, 7],
      [6, 5],
    ])
    expect(await names()).toEqual(good.map((_, index) => `Good ${index}`))
    const store = await openStore({ ...database, close: async () => undefined })
    const page = await store.search({ point: { lat: 0.5, lng: 4.5 }, limit: 9 })
    expect(page.things.map(({ name }) => name)).toEqual(['Good 2'])
  })

  test('strict: all that is bad is reported, and nothing is imported', async () => {
    const { report, found } = await imported(collectionOf([...good, ...bad]), { strict: true })
    expect(report).toEqual({ imported: 0, skipped: 4, repaired: 0, withoutArea: 0, doubtful: 0 })
    expect(found).toHaveLength(4)
    expect(await names()).toEqual([])
    expect((await imported(collectionOf(good), { strict: true })).report).toMatchObject({ imported: 5, skipped: 0 })
  })

  test('a ring that crosses itself is mended when asked', async () => {
    const { report, found } = await imported(featureOf('crossed', bowTie), { repair: true })
    expect(report).toEqual({ imported: 1, skipped: 0, repaired: 1, withoutArea: 0, doubtful: 0 })
    expect(found).toEqual([])
  })

  test('more features than a batch has are all imported, a file that breaks off not at all', async () => {
    const many = Array.from({ length: 1_203 }, (_, index) => featureOf(`Many ${index}`, ringAt(index % 170, 5)))
    const text = collectionOf(many)
    await expect(imported(text.slice(0, -10))).rejects.toThrow('line 1: the file ends within what begins here')
    expect(await names()).toEqual([])
    expect((await imported(text)).report.imported).toBe(1_203)
    expect(await names()).toEqual(many.map((_, index) => `Many ${index}`))
  })

  const at = async (lng: number, lat: number) => {
    const store = await openStore({ ...database, close: async () => undefined })
    return (await store.search({ point: { lat, lng }, limit: 9 })).things.map(({ name }) => name)
  }

  test('bug: longitudes beyond 180 were refused: what lies there is found on the other side', async () => {
    const beyond = [
      featureOf('over', ringAt(170, 0, 20)),
      featureOf('under', ringAt(-190, 30, 20)),
      featureOf('whole', ringAt(200, 60)),
      featureOf('just', [
        [-180.0000001, -60],
        [180.0000001, -60],
        [180.0000001, -70],
        [-180, -70],
        [-180.0000001, -60],
      ]),
    ]
    const { report, found } = await imported(collectionOf(beyond))
    expect({ found, imported: report.imported }).toEqual({ found: [], imported: 4 })
    for (const [lng, lat, names] of [
      [175, 5, ['over']],
      [-175, 5, ['over']],
      [-165, 5, []],
      [0, 5, []],
      [175, 35, ['under']],
      [-175, 35, ['under']],
      [-159.5, 60.5, ['whole']],
      [180, 60.5, []],
      [0, -65, ['just']],
      [180, -65, ['just']],
    ] as const)
      expect([lng, lat, await at(lng, lat)]).toEqual([lng, lat, names])
    const { rows } = await database.query('select 1 from thing where ST_XMax(geom) > 180 or not ST_IsValid(geom)')
    expect(rows).toEqual([])
  })

  test('bug: polygons within a collection of geometries were refused; they may overlap', async () => {
    const polygon = (ring: readonly unknown[]) => ({ type: 'Polygon', coordinates: [ring] })
    const geometries = [{ type: 'Point', coordinates: [2, 2] }, polygon(ringAt(2, 2, 4)), polygon(ringAt(3, 3, 4))]
    const geometry = { type: 'GeometryCollection', geometries }
    const { report } = await imported(JSON.stringify({ type: 'Feature', properties: { name: 'Coll' }, geometry }))
    expect(report).toMatchObject({ imported: 1, skipped: 0, withoutArea: 0 })
    for (const place of [2.5, 4, 6.5]) expect(await at(place, place)).toEqual(['Coll'])
    expect(await at(2.5, 6.5)).toEqual([])
  })

  test('an edge of more than 180 degrees is imported and reported', async () => {
    const ross = [
      [-178.5, -81],
      [-177.5, -82.5],
      [169.5, -82.5],
      [171, -81],
      [-178.5, -81],
    ]
    const { report, found, doubts } = await imported(collectionOf([good[0] ?? '', featureOf('Ross', ross)]))
    expect({ report, found }).toMatchObject({ report: { imported: 2, skipped: 0, doubtful: 1 }, found: [] })
    expect(doubts).toEqual([{ line: 3, feature: 2, problem: expect.stringContaining('347 degrees') }])
  })

  describe('a file that is not in WGS 84', () => {
    const crs = '"crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::27700"}}'
    const far = featureOf('far', ringAt(500_000, 6_000_000, 100_000))

    test.each([
      {
        where: 'before the features',
        text: `{"type":"FeatureCollection",${crs},"features":[${far},${good[0]},${far}]}`,
      },
      { where: 'after them', text: `{"type":"FeatureCollection","features":[${far},${good[0]},${far}],${crs}}` },
      { where: 'of a feature alone', text: `{${crs},${good[0]?.slice(1)}` },
      { where: 'of a later collection', text: `${good[0]}\n{"type":"FeatureCollection",${crs},"features":[${far}]}` },
    ])('bug: was imported: crs $where', async ({ text }) => {
      const reports: unknown[] = []
      await expect(imported(text, { onBad: (one: unknown) => reports.push(one) })).rejects.toThrow(
        'its coordinates are in "urn:ogc:def:crs:EPSG::27700", not in WGS 84',
      )
      expect({ reports, names: await names() }).toEqual({ reports: [], names: [] })
    })

    test('is told by its features where it says nothing', async () => {
      const { report, found } = await imported(collectionOf([far, far]))
      expect(report).toMatchObject({ imported: 0, skipped: 2 })
      expect(found[0]?.problem).toContain('is it in another coordinate system than WGS 84?')
    })

    test('is taken where its crs says WGS 84', async () => {
      const wgs84 = crs.replace('EPSG::27700', 'OGC:1.3:CRS84')
      const text = (crsFirst: boolean) => {
        const features = `"features":[${good.join(',')},${far}]`
        return `{"type":"FeatureCollection",${crsFirst ? `${wgs84},${features}` : `${features},${wgs84}`}}`
      }
      expect((await imported(text(true))).report).toMatchObject({ imported: 5, skipped: 1 })
      expect((await imported(text(false))).report).toMatchObject({ imported: 5, skipped: 1 })
    })
  })

  test('a stop leaves nothing', async () => {
    const stop = new AbortController()
    const stopped = imported(collectionOf([...good, bad[0] ?? '', ...good]), {
      signal: stop.signal,
      onBad: () => stop.abort(new Error('stopped')),
    })
    await expect(stopped).rejects.toThrow('stopped')
    expect(await names()).toEqual([])
  })
})
