/** Texts by name, where a name may be any, also `__proto__`. */
export type TextRecord = Readonly<Record<string, string>>

/** Sets an own property, as `record[name] = value` does not for the name `__proto__`. */
export const put = (record: Record<string, string>, name: string, value: string): void => {
  if (name !== '__proto__') record[name] = value
  else Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true })
}
