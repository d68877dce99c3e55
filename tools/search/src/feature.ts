import { crsProblem } from './crs.ts'
import { FeatureError, type JsonObject, objectOf, shown } from './feature-error.ts'
import { outlineOf } from './outline.ts'
import type { Thing } from '@armature/search-service/store'

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

export interface FeatureThing extends Thing {
  /** Why its outline may not be what was meant. */
  readonly doubt?: string
}

/**
 * The thing of a GeoJSON feature (RFC 7946): its name, its code and its polygons, without heights. Throws FeatureError if it is not a
 * feature, or has no name, no polygon, invalid coordinates, coordinates outside WGS 84, a ring that is not closed, or too many points. The
 * database checks that no ring crosses itself.
 */
export const thingOf = (text: string, rules: FeatureRules): FeatureThing => {
  const feature = objectOf(parsed(text), 'it')
  if (feature['type'] !== 'Feature') throw new FeatureError(`its type is ${shown(feature['type'])}, not "Feature"`)
  const properties = objectOf(feature['properties'], 'properties')
  const name = textOf(properties, rules.nameProperty, maxNameLength)
  const code = [undefined, null, ''].includes(properties[rules.codeProperty] as null)
    ? ''
    : textOf(properties, rules.codeProperty, maxCodeLength)
  const geometry = objectOf(feature['geometry'], 'geometry')
  const foreign = crsProblem(feature['crs']) ?? crsProblem(geometry['crs'])
  if (foreign !== undefined) throw new FeatureError(foreign)
  return { name, code, ...outlineOf(geometry, rules.maxPoints) }
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    const value = /[:,[]\s*(NaN|-?Infinity|undefined)\b/.exec(text)?.[1]
    throw new FeatureError(value === undefined ? 'it is no JSON' : `it is no JSON: ${value} is no number there`)
  }
}

const textOf = (properties: JsonObject, key: string, maxLength: number): string => {
  const value = Object.hasOwn(properties, key) ? properties[key] : undefined
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text !== 'string' || text.trim() === '')
    throw new FeatureError(`its property "${key}" is ${shown(value)}, no text`)
  if (text.length > maxLength) throw new FeatureError(`its property "${key}" has more than ${maxLength} characters`)
  if (text.includes('\ufffd') || !text.isWellFormed()) throw new FeatureError(`its property "${key}" is no UTF-8`)
  if (text.includes('\0')) throw new FeatureError(`its property "${key}" holds the character NUL`)
  return text
}
