import { readBounded } from './bounded-file.ts'
import { decode, decodeList, parseJson, type Decoded } from './decode.ts'
import type { Fault } from './faults.ts'
import { nearest } from './nearest.ts'
import type { Setting } from './schema.ts'

/** The value of one setting in one layer. */
export interface LayerValue {
  /** The source as in `Fault.source`. */
  readonly source: string
  /** The text or value as it was given, for `explain`. */
  readonly given: unknown
  readonly decoded: Decoded
  /** Other names of the setting in the same layer that are set, too, and do not count. */
  readonly ignored?: readonly string[]
}

/** One layer of the precedence. */
export interface Layer {
  /** The keys are those of the settings. */
  readonly values: ReadonlyMap<string, LayerValue>
  readonly faults: readonly Fault[]
}

const maxFileBytes = 1024 * 1024

/** Flags already parsed. The last one wins; those of a list add up. */
export const flagLayer = (settings: readonly Setting[], flags: ReadonlyMap<string, readonly string[]>): Layer => {
  const values = new Map<string, LayerValue>()
  for (const { key, flag, kind, schema } of settings) {
    const texts = flags.get(key)
    const last = texts?.at(-1)
    if (texts === undefined || last === undefined) continue
    const decoded = kind === 'list' ? decodeList(schema, texts) : decode(schema, last)
    values.set(key, { source: `flag --${flag}`, given: kind === 'list' ? texts.join(',') : last, decoded })
  }
  return { values, faults: [] }
}

/** Keys of a service's prefix in Consul KV, without the prefix. */
export const kvLayer = (settings: readonly Setting[], kv: Readonly<Record<string, string>>): Layer => {
  const early = settings.filter(({ key, beforeKv }) => beforeKv && Object.hasOwn(kv, key))
  const { values, faults } = keyed(
    settings,
    Object.entries(kv).filter(([key]) => !early.some((setting) => setting.key === key)),
    (key) => `KV ${key}`,
    'the KV prefix',
    (setting, text) => decode(setting.schema, text),
  )
  const tooLate = early.map(({ key, env }) => ({
    key,
    source: `KV ${key}`,
    problem: 'is read before KV is',
    fix: `remove it from the KV prefix and set ${env}`,
  }))
  return { values, faults: [...faults, ...tooLate] }
}

/** A JSON file named by `--config`: an object, a key a setting. */
export const fileLayer = (settings: readonly Setting[], path: string): Layer => {
  const values = new Map<string, LayerValue>()
  const read = readBounded(path, maxFileBytes)
  if ('problem' in read) {
    const problem = `the file ${path} ${read.problem}`
    return { values, faults: [{ key: 'config', source: 'flag --config', problem, fix: 'name a readable JSON file' }] }
  }
  const parsed = parseJson(read.text)
  const source = `file ${path}`
  const problem =
    'problem' in parsed ? parsed.problem : isPlainObject(parsed.value) ? undefined : 'does not hold a JSON object'
  if (problem !== undefined || 'problem' in parsed)
    return {
      values,
      faults: [{ key: 'config', source, problem: problem ?? '', fix: 'write one JSON object, a key a setting' }],
    }
  const entries = Object.entries(parsed.value as Record<string, unknown>)
  return keyed(
    settings,
    entries,
    () => source,
    path,
    (_setting, value) => ({ value }),
  )
}

const keyed = <T>(
  settings: readonly Setting[],
  entries: readonly (readonly [string, T])[],
  sourceOf: (key: string) => string,
  place: string,
  read: (setting: Setting, given: T) => Decoded,
): Layer => {
  const values = new Map<string, LayerValue>()
  const faults: Fault[] = []
  const byKey = new Map(settings.map((setting) => [setting.key, setting]))
  for (const [key, given] of entries) {
    const setting = byKey.get(key)
    if (setting === undefined) {
      const meant = nearest(key, [...byKey.keys()])
      faults.push({
        key: key.slice(0, 80),
        source: sourceOf(key.slice(0, 80)),
        problem: 'is not a setting of this service',
        fix: meant === undefined ? `remove it from ${place}` : `did you mean ${meant}?`,
      })
    } else values.set(key, { source: sourceOf(key), given, decoded: read(setting, given) })
  }
  return { values, faults }
}

const isPlainObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)
