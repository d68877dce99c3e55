/** Input that is not a feature, or a feature that cannot become a thing. The message says why. */
export class FeatureError extends Error {
  override readonly name = 'FeatureError'
}

export type JsonObject = Readonly<Record<string, unknown>>

/** The value, which must be a JSON object. `what` names it in the FeatureError. */
export const objectOf = (value: unknown, what: string): JsonObject => {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject
  throw new FeatureError(`${what} is ${shown(value)}, no object`)
}

/** The value, which must be a list of at least one element. `what` names it in the FeatureError. */
export const listOf = (value: unknown, what: string): readonly unknown[] => {
  if (Array.isArray(value) && value.length > 0) return value
  throw new FeatureError(`${what} is ${Array.isArray(value) ? 'empty' : `${shown(value)}, no list`}`)
}

const maxShownLength = 40

/** A value of the file for an error: as JSON, cut short. */
export const shown = (value: unknown, maxLength = maxShownLength): string => {
  const text = value === undefined ? 'missing' : jsonOf(value)
  return text.length > maxLength ? `${text.slice(0, maxLength)}...` : text
}

/** JSON.stringify has an end where JSON.parse has none: it recurses. */
const jsonOf = (value: unknown): string => {
  try {
    return JSON.stringify(value)
  } catch {
    return 'nested too deep'
  }
}
