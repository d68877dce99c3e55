import { isDeepStrictEqual } from 'node:util'
import { ConfigError, type Fault } from './faults.ts'
import type { KvValues } from './kv-source.ts'
import type { Setting } from './schema.ts'

/** Settings by their keys. */
export type Values = Readonly<Record<string, unknown>>

/** The values, or as many of them as are good, with the old ones for the others. Throws where not even the old ones are good. */
export const settled = <L>(
  values: KvValues,
  old: KvValues,
  { load, onRejected }: { load: (kv: KvValues) => L; onRejected: (faults: readonly Fault[]) => void },
): { readonly kv: KvValues; readonly loaded: L } => {
  const tried = attempt(() => load(values))
  if (!('fault' in tried)) return { kv: values, loaded: tried.value }
  onRejected(tried.fault.faults)
  for (const kv of [withOld(values, old, tried.fault.faults), old]) {
    const again = attempt(() => load(kv))
    if (!('fault' in again)) return { kv, loaded: again.value }
  }
  throw tried.fault
}

/** The keys that changed: those that are hot, and the others. */
export const changesOf = (settings: readonly Setting[], before: Values, now: Values) => {
  const changed = settings.filter(({ key }) => !isDeepStrictEqual(now[key], before[key]))
  const keysOf = (some: readonly Setting[]) => some.map(({ key }) => key)
  return { warm: keysOf(changed.filter(({ hot }) => hot)), cold: keysOf(changed.filter(({ hot }) => !hot)) }
}

/** These keys of the values. */
export const picked = (values: Values, keys: readonly string[]): Values =>
  Object.fromEntries(keys.map((key) => [key, values[key]]))

/** The keys that are at fault as they were; without an old value they are left out. */
const withOld = (values: KvValues, old: KvValues, faults: readonly Fault[]): KvValues => {
  const wrong = new Set(faults.flatMap(({ key, source }) => (source.startsWith('KV ') ? [key] : [])))
  const good = Object.entries(values).filter(([key]) => !wrong.has(key))
  const kept = Object.entries(old).filter(([key]) => wrong.has(key))
  return Object.fromEntries([...good, ...kept])
}

/** Later prefixes over earlier ones, of which the shared ones hold keys of other services too. */
export const merged = (values: readonly KvValues[], known: ReadonlySet<string>): KvValues =>
  Object.fromEntries(
    values.flatMap((held, place) =>
      Object.entries(held).filter(([key]) => place === values.length - 1 || known.has(key)),
    ),
  )

/** A ConfigError as a value; what else is thrown is a fault of the program. */
export const attempt = <V>(work: () => V): { readonly value: V } | { readonly fault: ConfigError } => {
  try {
    return { value: work() }
  } catch (error) {
    if (error instanceof ConfigError) return { fault: error }
    throw error
  }
}
