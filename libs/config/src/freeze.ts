/** Freezes plain objects and arrays in depth. Other objects (Map, URL) are left as they are: freezing does not reach them. */
export const freeze = <T>(value: T): Readonly<T> => {
  if (Array.isArray(value) || isPlain(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value as object)) if (!Object.isFrozen(inner)) freeze(inner)
  }
  return value
}

const isPlain = (value: unknown): boolean => {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
