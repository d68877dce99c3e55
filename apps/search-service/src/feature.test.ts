import { describe, expect, test } from 'vitest'
import { FeatureError, thingOf } from './feature.ts'

const ring = [
  [0, 0],
  [10, 0],
  [10, 10],
  [0, 0],
]
const rules = { nameProperty: 'name', codeProperty: 'code', maxPoints: 8 }
const feature = (change: object = {}) =>
  JSON.stringify({
    type: 'Feature',
    properties: { name: 'A', code: 'AA' },
    geometry: { type: 'Polygon', coordinates: [ring] },
    ...change,
  })
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
    [polygon([...ring.slice(0, 3), [180.1, 0]]), 'longitude is 180.1, not from -180 to 180'],
    [polygon([...ring.slice(0, 3), [0, -90.1]]), 'latitude is -90.1'],
    [polygon([...ring, ...ring, ...ring]), 'it has 12 points, more than 8'],
  ])('%j: %s', (text, problem) => {
    const bad = () => thingOf(text, rules)
    expect(bad).toThrow(FeatureError)
    expect(bad).toThrow(problem)
  })
})
