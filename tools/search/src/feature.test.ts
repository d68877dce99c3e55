import { describe, expect, test } from 'vitest'
import { FeatureError } from './feature-error.ts'
import { thingOf } from './feature.ts'

const ring = [
  [0, 0],
  [10, 0],
  [10, 10],
  [0, 0],
]
const rules = { nameProperty: 'name', codeProperty: 'code', maxPoints: 8 }
const rules16 = { ...rules, maxPoints: 16 }
const feature = (change: object = {}) =>
  JSON.stringify({
    type: 'Feature',
    properties: { name: 'A', code: 'AA' },
    geometry: { type: 'Polygon', coordinates: [ring] },
    ...change,
  })
const collection = (geometries: unknown) => feature({ geometry: { type: 'GeometryCollection', geometries } })
const mercator = { type: 'name', properties: { name: 'EPSG:3857' } }
const polygon = (...rings: readonly unknown[]) => feature({ geometry: { type: 'Polygon', coordinates: rings } })

describe('a feature is a thing', () => {
  test('of its name, its code and its polygons', () => {
    const { geometry, ...rest } = thingOf(feature(), rules)
    expect(rest).toEqual({ name: 'A', code: 'AA' })
    expect(JSON.parse(geometry)).toEqual({ type: 'MultiPolygon', coordinates: [[ring]] })
  })

  test.each<[string, object, object]>([
    ['without a code', { properties: { name: 'A' } }, { code: '' }],
    ['with the code null', { properties: { name: 'A', code: null } }, { code: '' }],
    ['with numbers', { properties: { name: 7, code: 8 } }, { name: '7', code: '8' }],
    ['with other members', { id: 7, bbox: [0, 0, 1, 1] }, { name: 'A' }],
  ])('%s', (_what, change, expected) => expect(thingOf(feature(change), rules)).toMatchObject(expected))

  test('without heights', () => {
    const high = ring.map((point) => [...point, 100])
    expect(thingOf(polygon(high), rules).geometry).toBe(thingOf(feature(), rules).geometry)
  })

  test('at the corners of the world, with as many points as allowed', () => {
    const world = [
      [-180, -90],
      [180, -90],
      [180, 90],
      [-180, -90],
    ]
    expect(thingOf(polygon(world, ring), rules).name).toBe('A')
  })
})

describe('a collection of geometries', () => {
  const square = { type: 'Polygon', coordinates: [ring] }

  test('bug: its polygons were refused, now all of them are taken and the rest is left', () => {
    const inner = { type: 'GeometryCollection', geometries: [square, { type: 'LineString', coordinates: [] }] }
    const several = { type: 'MultiPolygon', coordinates: [[ring], [ring]] }
    const { geometry } = thingOf(collection([{ type: 'Point', coordinates: [2, 2] }, inner, several]), rules16)
    expect(JSON.parse(geometry)).toEqual({ type: 'GeometryCollection', geometries: [square, square, square] })
  })

  test('may have however many members, and so may a MultiPolygon', { timeout: 60_000 }, () => {
    const many = Array.from({ length: 130_000 }, () => [ring])
    const text = feature({ geometry: { type: 'MultiPolygon', coordinates: many } })
    expect(() => thingOf(text, rules)).toThrow('it has 520000 points, more than 8')
    const members = many.map((coordinates) => ({ type: 'Polygon', coordinates }))
    expect(() => thingOf(collection(members), rules)).toThrow('it has 520000 points, more than 8')
  })

  test('may be nested however deep', () => {
    const [opening, closing] = ['{"type":"GeometryCollection","geometries":[', ']}']
    const depth = 20_000
    const text = feature({ geometry: 0 }).replace(
      '"geometry":0',
      `"geometry":${opening.repeat(depth)}${JSON.stringify(square)}${closing.repeat(depth)}`,
    )
    expect(JSON.parse(thingOf(text, rules).geometry)).toMatchObject({ geometries: [square] })
  })
})

test('bug: a name of 50,000 nested lists ended the whole import', () => {
  const deep = feature().replace('"A"', '['.repeat(50_000) + ']'.repeat(50_000))
  expect(() => thingOf(deep, rules)).toThrow(new FeatureError('its property "name" is nested too deep, no text'))
})

describe('an edge of more than half a round', () => {
  const doubtOf = (...points: readonly (readonly number[])[]) => thingOf(polygon([...points, points[0]]), rules).doubt

  test('bug: was taken without a word', () => {
    expect(doubtOf([-178.5, -81], [-177.5, -82.5], [169.5, -82.5], [171, -81])).toBe(
      'the edge from point 2 to 3 of ring 1 is 347 degrees long: if it crosses the antimeridian, cut it there (RFC 7946, 3.1.9)',
    )
    expect(doubtOf([-90, 0], [90.1, 0], [90.1, 10])).toContain('point 1 to 2 of ring 1 is 180.1 degrees')
  })

  test.each([
    {
      what: 'half a round',
      points: [
        [-90, 0],
        [90, 0],
        [90, 10],
      ],
    },
    {
      what: 'a frame of the world',
      points: [
        [-180, -60],
        [180, -60],
        [180, 60],
        [-180, 60],
      ],
    },
    {
      what: 'at a pole',
      points: [
        [-179, -90],
        [179, -90],
        [100, -60],
        [0, -60],
        [-100, -60],
      ],
    },
    {
      what: 'counted on over the antimeridian',
      points: [
        [170, 0],
        [190, 0],
        [190, 10],
        [170, 10],
      ],
    },
  ])('is none: $what', ({ points }) => expect(doubtOf(...points)).toBeUndefined())
})

describe('a feature is bad', () => {
  const unclosed = [...ring.slice(0, 3), [0, 0.1]]
  test.each<[string, string]>([
    ['{"type":"Feature",', 'it is no JSON'],
    ['{"type":"Feature","geometry":{"coordinates":[[NaN,1]]}}', 'it is no JSON: NaN is no number'],
    ['{"a":[1,-Infinity]}', 'it is no JSON: -Infinity is no number'],
    ['7', 'it is 7, no object'],
    ['null', 'it is null'],
    ['[]', 'it is [], no object'],
    ['{}', 'its type is missing, not "Feature"'],
    [feature({ type: 'FeatureCollection' }), 'its type is "FeatureCollection"'],
    [feature({ properties: null }), 'properties is null'],
    [feature({ properties: {} }), 'its property "name" is missing'],
    ['{"type":"Feature","properties":{"__proto__":{"name":"x"}}}', 'its property "name" is missing'],
    [feature({ properties: { name: ' ' } }), 'its property "name" is " "'],
    [feature({ properties: { name: {} } }), 'its property "name" is {}'],
    [feature({ properties: { name: 'x'.repeat(257) } }), 'more than 256'],
    [feature({ properties: { name: 'a\0' } }), 'NUL'],
    [feature({ properties: { name: 'M\ufffdnchen' } }), 'no UTF-8'],
    [feature({ properties: { name: 'M\ud83d' } }), 'no UTF-8'],
    [feature({ properties: { name: 'A', code: [] } }), 'its property "code" is []'],
    [feature({ geometry: null }), 'geometry is null'],
    [feature({ geometry: { type: 'Point', coordinates: [1, 2] } }), 'its geometry is "Point", no "Polygon"'],
    [feature({ geometry: { type: 'GeometryCollection', geometries: [] } }), 'its geometry is "GeometryCollection"'],
    [feature({ geometry: { type: 'Polygon' } }), 'a polygon is missing, no list'],
    [polygon(), 'a polygon is empty'],
    [polygon([]), 'a ring is empty'],
    [polygon('x'), 'a ring is "x"'],
    [polygon(ring.slice(1)), 'ring 1 has 3 points, fewer than 4'],
    [polygon(ring, unclosed), 'ring 2 is not closed'],
    [polygon([...ring.slice(0, 3), 5]), 'ring 1, point 4 is 5'],
    [polygon([...ring.slice(0, 3), [0]]), 'ring 1, point 4 is [0]'],
    [polygon([...ring.slice(0, 3), ['0', 0]]), 'ring 1, point 4, longitude is "0"'],
    [polygon([...ring.slice(0, 3), [null, 0]]), 'ring 1, point 4, longitude is null'],
    [polygon([...ring.slice(0, 3), [360.1, 0]]), 'longitude is 360.1, not from -360 to 360'],
    [polygon([...ring.slice(0, 3), [500_000, 0]]), 'is it in another coordinate system than WGS 84?'],
    [feature({ geometry: { type: 'GeometryCollection' } }), 'geometries is missing, no list'],
    [collection([{ type: 'Point', coordinates: [1, 2] }]), '"GeometryCollection" without a polygon'],
    [collection(['x']), 'a member of its geometry is "x"'],
    [collection([{ type: 'Polygon', coordinates: [unclosed] }]), 'ring 1 is not closed'],
    [feature({ crs: mercator }), 'its coordinates are in "EPSG:3857", not in WGS 84'],
    [feature({ geometry: { type: 'Polygon', coordinates: [ring], crs: mercator } }), 'not in WGS 84'],
    [polygon([...ring.slice(0, 3), [0, -90.1]]), 'latitude is -90.1'],
    [polygon([...ring, ...ring, ...ring]), 'it has 12 points, more than 8'],
  ])('%j: %s', (text, problem) => {
    const bad = () => thingOf(text, rules)
    expect(bad).toThrow(FeatureError)
    expect(bad).toThrow(problem)
  })
})
