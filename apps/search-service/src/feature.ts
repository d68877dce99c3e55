import type { Thing } from './store.ts'

export interface FeatureRules {
  /** Which property of a feature is the thing's name. */
  readonly nameProperty: string
  /** Which one is its code, where it has one. */
  readonly codeProperty: string
  /** In all rings of one feature. */
  readonly maxPoints: number
}

const maxNameLength = 256
const maxCodeLength = 64

/** A feature that is none, or none that can be a thing: the message says why. */
export class FeatureError extends Error {
  override readonly name = 'FeatureError'
}

/**
 * The thing of a GeoJSON feature (RFC 7946): its name, its code and its polygons, without heights. Throws FeatureError where it is no
 * feature, has no name, is no polygon, has coordinates that are none, a ring that is not closed, or too many points. That no ring
 * crosses itself is left to the database.
 */
export const thingOf = (text: string, rules: FeatureRules): Thing => {
  const feature = objectOf(parsed(text), 'it')
  if (feature['type'] !== 'Feature') throw new FeatureError(`its type is ${shown(feature['type'])}, not "Feature"`)
  const properties = objectOf(feature['properties'], 'properties')
  return {
    name: textOf(properties, rules.nameProperty, maxNameLength),
    code: [undefined, null, ''].includes(properties[rules.codeProperty] as null)
      ? ''
      : textOf(properties, rules.codeProperty, maxCodeLength),
    geometry: geometryOf(objectOf(feature['geometry'], 'geometry'), rules.maxPoints),
  }
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    const value = /[:,[]\s*(NaN|-?Infinity|undefined)\b/.exec(text)?.[1]
    throw new FeatureError(value === undefined ? 'it is no JSON' : `it is no JSON: ${value} is no number there`)
  }
}

const objectOf = (value: unknown, what: string): Readonly<Record<string, unknown>> => {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new FeatureError(`${what} is ${shown(value)}, no object`)
}

const textOf = (properties: Readonly<Record<string, unknown>>, key: string, maxLength: number): string => {
  const value = Object.hasOwn(properties, key) ? properties[key] : undefined
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text !== 'string' || text.trim() === '')
    throw new FeatureError(`its property "${key}" is ${shown(value)}, no text`)
  if (text.length > maxLength) throw new FeatureError(`its property "${key}" has more than ${maxLength} characters`)
  if (text.includes('\ufffd')) throw new FeatureError(`its property "${key}" is no UTF-8`)
  if (text.includes('\0')) throw new FeatureError(`its property "${key}" holds the character NUL`)
  return text
}

const geometryOf = ({ type, coordinates }: Readonly<Record<string, unknown>>, maxPoints: number): string => {
  if (type !== 'Polygon' && type !== 'MultiPolygon') {
    throw new FeatureError(`its geometry is ${shown(type)}, no "Polygon" or "MultiPolygon"`)
  }
  const polygons = type === 'Polygon' ? [coordinates] : listOf(coordinates, 'coordinates')
  const rings = polygons.map((polygon) => listOf(polygon, 'a polygon').map((ring) => listOf(ring, 'a ring')))
  const points = rings.flat().reduce((sum, ring) => sum + ring.length, 0)
  if (points > maxPoints) throw new FeatureError(`it has ${points} points, more than ${maxPoints}`)
  let place = 0
  const checked = rings.map((polygon) =>
    polygon.map((ring) => {
      place += 1
      return ringOf(ring, `ring ${place}`)
    }),
  )
  return JSON.stringify({ type: 'MultiPolygon', coordinates: checked })
}

const listOf = (value: unknown, what: string): readonly unknown[] => {
  if (Array.isArray(value) && value.length > 0) return value
  throw new FeatureError(`${what} is ${Array.isArray(value) ? 'empty' : `${shown(value)}, no list`}`)
}

const ringOf = (ring: readonly unknown[], what: string): readonly (readonly [lng: number, lat: number])[] => {
  const points = ring.map((point, index) => pointOf(point, `${what}, point ${index + 1}`))
  if (points.length < 4) throw new FeatureError(`${what} has ${points.length} points, fewer than 4`)
  const [first, last] = [points[0], points.at(-1)]
  if (first?.[0] !== last?.[0] || first?.[1] !== last?.[1]) throw new FeatureError(`${what} is not closed`)
  return points
}

const pointOf = (point: unknown, what: string): readonly [lng: number, lat: number] => {
  if (!Array.isArray(point) || point.length < 2) throw new FeatureError(`${what} is ${shown(point)}, no position`)
  const [lng, lat] = point as readonly unknown[]
  return [degrees(lng, 180, `${what}, longitude`), degrees(lat, 90, `${what}, latitude`)]
}

const degrees = (value: unknown, limit: number, what: string): number => {
  if (typeof value === 'number' && Math.abs(value) <= limit) return value
  throw new FeatureError(`${what} is ${shown(value)}, not from -${limit} to ${limit}`)
}

const maxShownLength = 40

const shown = (value: unknown): string => {
  const text = value === undefined ? 'missing' : JSON.stringify(value)
  return text.length > maxShownLength ? `${text.slice(0, maxShownLength)}...` : text
}
