import { execFile } from 'node:child_process'
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database } from '@armature/database/database'
import { openDatabase } from '@armature/database/open'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { startPostgres } from '@armature/servers/postgres'
import { startOnTerminal } from '@armature/servers/program'
import type { RunningServer } from '@armature/servers/server'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type BadFeature, importFile } from '../src/import-file.ts'
import { splitJson } from '../src/json-splitter.ts'
import { migrations } from '../src/migrations.ts'
import { openStore } from '../src/store.ts'
import { migrate } from '@armature/database/migrate'

const main = join(import.meta.dirname, '../src/main.ts')
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'import-test-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const ringAt = (lng: number, lat: number, size = 1) => [
  [lng, lat],
  [lng + size, lat],
  [lng + size, lat + size],
  [lng, lat + size],
  [lng, lat],
]
const featureOf = (name: string, ring: readonly unknown[], type = 'Polygon') =>
  JSON.stringify({ type: 'Feature', properties: { name, code: '' }, geometry: { type, coordinates: [ring] } })
const bowTie = [
  [30, 0],
  [40, 10],
  [40, 0],
  [30, 10],
  [30, 0],
]
const good = Array.from({ length: 5 }, (_, index) => featureOf(`Good ${index}`, ringAt(index * 2, 0)))
const bad = [
  featureOf('open', ringAt(0, 0).slice(0, 4)),
  featureOf('crossed', bowTie),
  featureOf('line', ringAt(0, 0), 'LineString'),
  good[0]?.replace('[0,0]', '[NaN,0]') ?? '',
]
const collectionOf = (features: readonly string[]) =>
  `{"type":"FeatureCollection","features":[\n${features.join(',\n')}\n]}\n`
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

  test('good features are imported in their order, bad ones are told of by line and skipped', async () => {
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

  test('strict: all that is bad is told of, and nothing is imported', async () => {
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

  test('an edge of more than 180 degrees is taken and told of', async () => {
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

describe('things import', { timeout: 120_000 }, () => {
  let server: RunningServer
  let database: Database
  beforeAll(async () => {
    server = await startPostgres()
    database = await openDatabase(server.url)
    await migrate(database, migrations)
  }, serverDeadlineMs)
  afterAll(async () => {
    await database.close()
    await server.stop()
  }, 60_000)
  beforeEach(() => database.query('truncate thing, thing_part'))

  const cli = (args: readonly string[], { url = server.url, input = '' } = {}) =>
    new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
      const env = { PATH: process.env['PATH'], ...(url === '' ? {} : { DATABASE_URL: url }) }
      const options = { env, timeout: 60_000, cwd: folder }
      execFile(process.execPath, [main, 'things', 'import', ...args], options, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
      ).stdin?.end(input)
    })
  const count = async () => (await database.query<{ n: number }>('select count(*) as n from thing')).rows[0]?.n

  test('reads a collection, tells what is bad by file and line, and exits with 0', async () => {
    writeFileSync(join(folder, 'mixed.geojson'), collectionOf([...good, ...bad]))
    const { code, stdout, stderr } = await cli(['mixed.geojson'])
    expect({ code, stdout }).toEqual({ code: 0, stdout: '5 imported, 4 bad\n' })
    expect(stderr.split('\n').filter(Boolean)).toHaveLength(4)
    expect(stderr).toContain('mixed.geojson:7: feature 6: ring 1 is not closed\n')
    expect(await count()).toBe(5)
  })

  test('reads a feature a line, by the name’s ending or by --lines; a line that is broken is one bad feature', async () => {
    const text = [good[0], '{"type":"Feature"', good[1], ''].join('\n')
    writeFileSync(join(folder, 'lines.ndjson'), text)
    expect(await cli(['lines.ndjson', '--format=json'])).toEqual({
      code: 0,
      stdout: '{"imported":2,"skipped":1,"repaired":0,"withoutArea":0,"doubtful":0}\n',
      stderr: 'lines.ndjson:2: feature 2: it is no JSON\n',
    })
    expect(await cli(['-', '--lines'], { input: text })).toMatchObject({ code: 0, stdout: '2 imported, 1 bad\n' })
    expect(await cli(['-'], { input: text })).toMatchObject({ code: 65, stdout: '' })
    expect(await count()).toBe(4)
  })

  test.each([
    { what: 'nothing is usable', text: collectionOf(bad), says: 'nothing was imported' },
    { what: 'there is no feature', text: collectionOf([]), says: 'nothing was imported' },
    { what: 'there is nothing at all', text: '', says: 'nothing was imported' },
    { what: 'it is TopoJSON', text: '{"type":"Topology","objects":{}}', says: 'its type is "Topology"' },
    {
      what: 'its crs is not WGS 84',
      text: collectionOf(good).replace(
        '"features"',
        '"crs":{"type":"name","properties":{"name":"EPSG:3857"}},"features"',
      ),
      says: '-: its coordinates are in "EPSG:3857", not in WGS 84',
    },
  ])('bug: exited with 0: a file of which $what', async ({ text, says }) => {
    const { code, stderr } = await cli(['-'], { input: text })
    expect(code).toBe(65)
    expect(stderr).toContain(says)
    expect(await count()).toBe(0)
  })

  test('tells of a doubtful feature by file and line', async () => {
    const wide = featureOf('Wide', [
      [-170, 0],
      [170, 0],
      [170, 10],
      [-170, 10],
      [-170, 0],
    ])
    const { code, stdout, stderr } = await cli(['-'], { input: wide })
    expect({ code, stdout }).toEqual({ code: 0, stdout: '1 imported, 0 bad, 1 doubtful\n' })
    expect(stderr).toContain('-:1: feature 1: doubtful: the edge from point 1 to 2 of ring 1 is 340 degrees long')
  })

  test('--strict exits with 65 and imports nothing', async () => {
    writeFileSync(join(folder, 'strict.geojson'), collectionOf([...good, ...bad]))
    expect(await cli(['strict.geojson', '--strict'])).toMatchObject({ code: 65, stdout: '0 imported, 4 bad\n' })
    expect(await count()).toBe(0)
  })

  test.each([
    { what: 'a file that is not there', args: ['nowhere.geojson'], url: undefined, code: 74, says: 'nowhere.geojson' },
    { what: 'a folder', args: ['.'], url: undefined, code: 74, says: '. cannot be read' },
    { what: 'no file', args: [], url: undefined, code: 64, says: 'FILE' },
    { what: 'no database', args: ['x.geojson'], url: '', code: 64, says: 'DATABASE_URL' },
    { what: 'no server', args: ['-'], url: 'postgres://u:canary@127.0.0.1:1/x', code: 69, says: '127.0.0.1' },
  ])('$what is exit code $code', async ({ args, url, code, says }) => {
    const ended = await cli(args, url === undefined ? {} : { url })
    expect(ended).toMatchObject({ code, stdout: '' })
    expect(ended.stderr).toContain(says)
    expect(ended.stderr).not.toContain('canary')
  })

  test('a file of any size is read in bounded memory, with progress on a terminal', async () => {
    const path = join(folder, 'large.geojson')
    const out = createWriteStream(path)
    const round = Array.from({ length: 400 }, (_, index) => {
      const angle = (index * 2 * Math.PI) / 400
      return [100 + Math.cos(angle), Math.sin(angle)]
    })
    const feature = featureOf('Round', [...round, round[0]])
    out.write('{"type":"FeatureCollection","features":[')
    const bytes = 100_000_000
    for (let written = 0; written < bytes; written += feature.length + 1) {
      // All but a few are bad and cost the database nothing.
      const one = written < 1_000_000 ? feature : feature.replace('"Polygon"', '"LineString"')
      if (!out.write(`${written === 0 ? '' : ','}${one}`)) await once(out, 'drain')
    }
    out.end(']}')
    await once(out, 'close')
    const node = `${process.execPath} --max-old-space-size=64 ${main} things import ${path} --database-url ${server.url}`
    const terminal = startOnTerminal(node)
    try {
      await terminal.until(/features, \d+ %/, 60_000)
      const [, imported, skipped] = await terminal.until(/(\d+) imported, (\d+) bad/, 90_000)
      expect(Number(imported) + Number(skipped)).toBeGreaterThan(bytes / (feature.length + 10))
      expect(terminal.output()).toContain('further bad features are counted only')
      expect(await terminal.ended()).toMatchObject({ code: 0 })
    } finally {
      await terminal.kill()
    }
  })
})
