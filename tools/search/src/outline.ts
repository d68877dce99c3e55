import { FeatureError, type JsonObject, listOf, objectOf, shown } from './feature-error.ts'

export interface Outline {
  /** A GeoJSON geometry of polygons without heights. Longitudes may be beyond 180 degrees. */
  readonly geometry: string
  /** Why it may not be what was meant; undefined = nothing is doubtful. */
  readonly doubt?: string
}

type Point = readonly [lng: number, lat: number]
type Ring = readonly Point[]

/**
 * The polygons of a GeoJSON geometry, those within collections too. Throws FeatureError where there is none, coordinates are out of
 * range, a ring is not closed, or there are more than `maxPoints` points.
 */
export const outlineOf = (geometry: JsonObject, maxPoints: number): Outline => {
  const polygons = polygonsOf(geometry)
  const rings = polygons.map((polygon) => listOf(polygon, 'a polygon').map((ring) => listOf(ring, 'a ring')))
  const points = rings.flat().reduce((sum, ring) => sum + ring.length, 0)
  if (points > maxPoints) throw new FeatureError(`it has ${points} points, more than ${maxPoints}`)
  let place = 0
  let doubt: string | undefined
  const checked = rings.map((polygon) =>
    polygon.map((ring) => {
      place += 1
      const one = ringOf(ring, `ring ${place}`)
      doubt ??= doubtOf(one, `ring ${place}`)
      return one
    }),
  )
  return { geometry: jsonOf(geometry['type'], checked), ...(doubt !== undefined && { doubt }) }
}

/** Members of a collection may overlap, polygons of a MultiPolygon may not. */
const jsonOf = (type: unknown, polygons: readonly (readonly Ring[])[]): string => {
  if (type !== 'GeometryCollection') return JSON.stringify({ type: 'MultiPolygon', coordinates: polygons })
  const geometries = polygons.map((coordinates) => ({ type: 'Polygon', coordinates }))
  return JSON.stringify({ type, geometries })
}

const polygonsOf = (geometry: JsonObject): readonly unknown[] => {
  const polygons: unknown[] = []
  // Not by recursion: collections may be nested as deep as the file likes.
  const left = [geometry]
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const { type, coordinates } = next
    if (type === 'Polygon') polygons.push(coordinates)
    else if (type === 'MultiPolygon') for (const polygon of listOf(coordinates, 'coordinates')) polygons.push(polygon)
    else if (type === 'GeometryCollection') for (const member of membersOf(next).toReversed()) left.push(member)
    else if (next === geometry) throw new FeatureError(`its geometry is ${shown(type)}, no "Polygon" or "MultiPolygon"`)
  }
  if (polygons.length === 0) throw new FeatureError('its geometry is "GeometryCollection" without a polygon')
  return polygons
}

const membersOf = ({ geometries }: JsonObject): readonly JsonObject[] => {
  if (!Array.isArray(geometries)) throw new FeatureError(`geometries is ${shown(geometries)}, no list`)
  return geometries.map((member) => objectOf(member, 'a member of its geometry'))
}

const ringOf = (ring: readonly unknown[], what: string): Ring => {
  const points = ring.map((point, index) => pointOf(point, `${what}, point ${index + 1}`))
  if (points.length < 4) throw new FeatureError(`${what} has ${points.length} points, fewer than 4`)
  const [first, last] = [points[0], points.at(-1)]
  if (first?.[0] !== last?.[0] || first?.[1] !== last?.[1]) throw new FeatureError(`${what} is not closed`)
  return points
}

/** Once round the world and once more: who has crossed the antimeridian may count on. */
const maxLongitude = 360
const maxLatitude = 90

const pointOf = (point: unknown, what: string): Point => {
  if (!Array.isArray(point) || point.length < 2) throw new FeatureError(`${what} is ${shown(point)}, no position`)
  const [lng, lat] = point as readonly unknown[]
  return [degrees(lng, maxLongitude, `${what}, longitude`), degrees(lat, maxLatitude, `${what}, latitude`)]
}

const degrees = (value: unknown, limit: number, what: string): number => {
  if (typeof value === 'number' && Math.abs(value) <= limit) return value
  const hint = typeof value === 'number' ? ': is it in another coordinate system than WGS 84?' : ''
  throw new FeatureError(`${what} is ${shown(value)}, not from -${limit} to ${limit}${hint}`)
}

const halfRound = 180
const wholeRound = 360

/** An edge from -180 to 180 is a frame of the world. */
const doubtOf = (ring: Ring, what: string): string | undefined => {
  for (let index = 1; index < ring.length; index += 1) {
    const [[fromLng, fromLat], [toLng, toLat]] = [ring[index - 1] as Point, ring[index] as Point]
    const width = Math.abs(toLng - fromLng)
    const isAtPole = fromLat === toLat && Math.abs(fromLat) === maxLatitude
    if (width > halfRound && width < wholeRound && !isAtPole) {
      const edge = `the edge from point ${index} to ${index + 1} of ${what} is ${Number(width.toFixed(6))} degrees long`
      return `${edge}: if it crosses the antimeridian, cut it there (RFC 7946, 3.1.9)`
    }
  }
  return undefined
}
