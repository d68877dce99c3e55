import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { decode, decodeList, parseJson, type Decoded } from './decode.ts'
import type { Fault } from './faults.ts'
import { nearest } from './nearest.ts'
import type { Env } from './process.ts'
import type { Setting } from './schema.ts'

/** The value of one setting in one layer. */
export interface LayerValue {
  /** The source as in `Fault.source`. */
  readonly source: string
  /** The text or value as it was given, for `explain`. */
  readonly given: unknown
  readonly decoded: Decoded
}

/** One layer of the precedence. */
export interface Layer {
  /** The keys are those of the settings. */
  readonly values: ReadonlyMap<string, LayerValue>
  readonly faults: readonly Fault[]
}

const maxSecretBytes = 64 * 1024
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

/** The environment. An empty variable counts as not set. A secret may be in the file that `NAME_FILE` names. */
export const envLayer = (settings: readonly Setting[], env: Env): Layer => {
  const values = new Map<string, LayerValue>()
  const faults: Fault[] = []
  for (const { key, env: name, fileVariable: fileName = '', schema } of settings) {
    const given = env[name]
    const path = env[fileName]
    if (isSet(given) && isSet(path))
      faults.push({
        key,
        source: `env ${fileName}`,
        problem: `${name} is set too`,
        fix: `set either ${name} or ${fileName}`,
      })
    else if (isSet(path)) {
      const read = readBounded(path, maxSecretBytes)
      if ('problem' in read)
        faults.push({
          key,
          source: `env ${fileName}`,
          problem: `the file ${path} ${read.problem}`,
          fix: `let ${fileName} name a readable file with the secret`,
        })
      else {
        const text = read.text.replace(/[\r\n]+$/, '')
        values.set(key, { source: `env ${fileName}`, given: text, decoded: decode(schema, text) })
      }
    } else if (isSet(given)) values.set(key, { source: `env ${name}`, given, decoded: decode(schema, given) })
  }
  return { values, faults }
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

const isSet = (value: string | undefined): value is string => value !== undefined && value !== ''

const isPlainObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)

const readBounded = (path: string, maxBytes: number): { text: string } | { problem: string } => {
  let descriptor: number | undefined
  try {
    descriptor = openSync(path, 'r')
    if (fstatSync(descriptor).isDirectory()) return { problem: 'is a folder' }
    const buffer = Buffer.alloc(maxBytes + 1)
    let length = 0
    for (let read = -1; read !== 0 && length <= maxBytes; length += read)
      read = readSync(descriptor, buffer, length, maxBytes + 1 - length, null)
    if (length > maxBytes) return { problem: `is longer than ${maxBytes} bytes` }
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length)) }
  } catch (error) {
    return { problem: reasonOf(error) }
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

const reasonOf = (error: unknown): string => {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return 'does not exist'
  if (code === 'EACCES') return 'may not be read by this user'
  return code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'is not UTF-8' : `cannot be read (${code ?? 'unknown error'})`
}
