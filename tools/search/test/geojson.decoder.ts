import type { Database, Queryable, Result } from '@armature/database/database'
import fc from 'fast-check'
import { CrsError } from '../src/crs.ts'
import { importFile } from '../src/import-file.ts'
import { splitJson, SplitError, splitLines } from '../src/json-splitter.ts'

interface Input {
  readonly bytes: Uint8Array
  readonly chunkBytes: number
  readonly lines: boolean
}

const anyValue = fc.json({ maxDepth: 2 }).map((text) => JSON.parse(text) as unknown)
const mostly = <T>(usual: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 60, arbitrary: usual }, { weight: 1, arbitrary: anyValue })

/** Most within the range, some beyond it, and few far away. */
const degrees = (limit: number) =>
  fc.oneof(
    { weight: 60, arbitrary: fc.integer({ min: -limit, max: limit }) },
    { weight: 3, arbitrary: fc.integer({ min: -25 * limit, max: 25 * limit }).map((tenths) => tenths / 10) },
    { weight: 1, arbitrary: fc.double() },
  )
const point = mostly(fc.tuple(degrees(180), degrees(90)))
const ring = fc
  .tuple(fc.array(point, { minLength: 3, maxLength: 6 }), fc.nat(9))
  .map(([points, chance]) => (chance === 0 ? points : [...points, points[0]]))
const polygon = fc.array(mostly(ring), { minLength: 1, maxLength: 2 })
const geometry = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ type: fc.constant('Polygon'), coordinates: mostly(polygon) }),
    fc.record({
      type: fc.constant('MultiPolygon'),
      coordinates: mostly(fc.array(mostly(polygon), { minLength: 1, maxLength: 2 })),
    }),
    fc.record({ type: fc.constant('Point'), coordinates: point }),
    fc.record({ type: fc.constant('GeometryCollection'), geometries: mostly(fc.array(tie('any'), { maxLength: 3 })) }),
  ),
})).any
const wgs84 = fc.constantFrom('EPSG:4326', 'CRS84', 'urn:ogc:def:crs:OGC:1.3:CRS84')
const crsName = fc.oneof({ weight: 9, arbitrary: wgs84 }, { weight: 1, arbitrary: fc.constantFrom('EPSG:3857', '') })
const crs = mostly(fc.record({ type: fc.constant('name'), properties: fc.record({ name: crsName }) }))
const feature = fc.record(
  {
    type: mostly(fc.constant('Feature')),
    properties: mostly(
      fc.record({
        name: mostly(fc.oneof(fc.constant('Name'), fc.string({ unit: 'binary' }))),
        code: mostly(fc.string()),
      }),
    ),
    geometry: mostly(geometry),
    crs: fc.option(crs, { nil: undefined }),
  },
  { requiredKeys: ['type', 'properties', 'geometry'] },
)
/** The order of the members counts: a `crs` may come before or after the features. */
const collection = fc
  .tuple(fc.array(mostly(feature), { maxLength: 4 }), fc.option(crs), fc.boolean())
  .map(([features, its, isFirst]) => {
    const named = its === null ? {} : { crs: its }
    const type = 'FeatureCollection'
    return isFirst ? { type, ...named, features } : { type, features, ...named }
  })
const text = fc
  .array(mostly(fc.oneof(feature, collection)), { minLength: 1, maxLength: 3 })
  .map((documents) => documents.map((one) => JSON.stringify(one)).join('\n'))

const tokens = [
  '{',
  '}',
  '[',
  ']',
  '"',
  '\\',
  ',',
  ':',
  '\n',
  'NaN',
  '1e999',
  '\u001e',
  '\ufeff',
  '\\ud800',
  '\\u0000',
  '"features":[',
]
const cut = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.nat(8),
  token: fc.constantFrom('', ...tokens),
})
/** A file that breaks off anywhere brings nothing into the database: most are whole. */
const cuts = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.array(cut, { minLength: 1, maxLength: 3 }) },
)
const damaged = fc.tuple(text, cuts).map(([whole, cuts]) => {
  let left = whole
  for (const { at, length, token } of cuts) {
    const place = Math.floor(at * left.length)
    left = left.slice(0, place) + token + left.slice(place + length)
  }
  return Buffer.from(left)
})

export const inputs: fc.Arbitrary<Input> = fc.record({
  bytes: fc.oneof({ weight: 9, arbitrary: damaged }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) }),
  chunkBytes: fc.integer({ min: 1, max: 300 }),
  lines: fc.boolean(),
})

/** Takes all, and remembers what it was given. */
const recorder = () => {
  const geometries: string[] = []
  const query = <R>(sql: string, params: readonly unknown[] = []): Promise<Result<R>> => {
    const given = sql.includes('ST_GeomFromGeoJSON') ? (params[2] as readonly string[]) : []
    geometries.push(...given)
    const rows = sql.startsWith('insert into schema_migration')
      ? [{}]
      : given.map(() => ({ fault: null, hasArea: true }))
    return Promise.resolve({ rows: rows as R[], count: 0 })
  }
  const within: Queryable = { query }
  const database: Database = { query, transaction: (fn) => fn(within), close: () => Promise.resolve() }
  return { database, geometries }
}

async function* chunksOf({ bytes, chunkBytes }: Input): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield Buffer.from(bytes.subarray(at, at + chunkBytes))
}

/** Either the file is refused as a whole, or each feature is imported or reported. The database is given polygons in range only. */
export const check = async (input: Input): Promise<void> => {
  const { database, geometries } = recorder()
  let told = 0
  const pieces = (input.lines ? splitLines : splitJson)(chunksOf(input), 2_000)
  const rules = { nameProperty: 'name', codeProperty: 'code', maxPoints: 40, strict: false, repair: false }
  try {
    const report = await importFile(database, pieces, { ...rules, onBad: () => (told += 1) })
    if (report.skipped !== told) throw new Error(`${report.skipped} are bad, ${told} were reported`)
    if (report.imported !== geometries.length)
      throw new Error(`${report.imported} of ${geometries.length} are imported`)
  } catch (error) {
    if (!(error instanceof SplitError) && !(error instanceof CrsError)) throw error
  }
  for (const one of geometries) for (const polygons of polygonsOf(one)) for (const points of polygons) checkRing(points)
}

type Points = readonly (readonly [lng: number, lat: number])[]

const polygonsOf = (json: string): readonly (readonly Points[])[] => {
  const { coordinates, geometries } = JSON.parse(json) as {
    readonly coordinates?: readonly (readonly Points[])[]
    readonly geometries?: readonly { readonly coordinates: readonly Points[] }[]
  }
  return coordinates ?? (geometries ?? []).map((member) => member.coordinates)
}

const checkRing = (points: Points): void => {
  const isInRange = points.every(([lng, lat]) => Math.abs(lng) <= 360 && Math.abs(lat) <= 90)
  const isClosed = JSON.stringify(points[0]) === JSON.stringify(points.at(-1))
  if (!isInRange || !isClosed || points.length < 4) throw new Error(`no ring: ${JSON.stringify(points)}`)
}
