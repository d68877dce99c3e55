import * as z from 'zod'
import type { SettingMeta } from './settings.ts'

/** A service's settings: one flat object schema, a key a setting. */
export type Settings = z.ZodObject

/** Reads text as the value of a setting. */
export type Kind = 'text' | 'number' | 'toggle' | 'list' | 'json'

/** One setting as the command line, the environment and the documents see it. */
export interface Setting {
  readonly key: string
  /** `grpc-port`, without dashes. */
  readonly flag: string
  readonly short: string | undefined
  readonly env: string
  readonly description: string
  readonly secret: boolean
  /** The env variable that names a file to read the secret from; undefined where there is none. */
  readonly fileVariable: string | undefined
  readonly hot: boolean
  /** Read before Consul KV is. */
  readonly beforeKv: boolean
  readonly kind: Kind
  readonly required: boolean
  /** Undefined where there is none. */
  readonly defaultValue: unknown
  /** The accepted values in words: `a whole number from 0 to 65535`. */
  readonly accepts: string
  readonly schema: z.core.$ZodType
}

/** Flags that every command has; a setting cannot take them. */
export const reservedFlags = { config: undefined, help: 'h', version: 'V' } as const

/**
 * The settings of a schema in its order. Throws TypeError where two share a flag or an env variable: a mistake in the
 * source, never in the input.
 */
export const describeSettings = (settings: Settings): readonly Setting[] => {
  const described = Object.entries<z.core.$ZodType>(settings.shape).map(([key, schema]) => describe(key, schema))
  const reservedNames = Object.entries(reservedFlags).flatMap(([flag, short]) =>
    short === undefined ? [`--${flag}`] : [`--${flag}`, `-${short}`],
  )
  const names = described.flatMap(({ flag, short, kind, env, fileVariable }) => [
    `--${flag}`,
    env,
    ...(short === undefined ? [] : [`-${short}`]),
    ...(kind === 'toggle' ? [`--no-${flag}`] : []),
    ...(fileVariable === undefined ? [] : [fileVariable]),
  ])
  const all = [...reservedNames, ...names]
  const twice = all.find((name, index) => all.indexOf(name) !== index)
  if (twice !== undefined)
    throw new TypeError(`two settings are called ${twice}: name one of them otherwise by .meta()`)
  return described
}

const describe = (key: string, schema: z.core.$ZodType): Setting => {
  const meta = metaOf(schema)
  const { inner, optional, defaultValue } = unwrap(schema)
  const env = meta.env ?? kebab(key).replaceAll('-', '_').toUpperCase()
  const secret = meta.secret === true
  return {
    key,
    flag: meta.flag ?? kebab(key),
    short: meta.short,
    env,
    description: meta.description ?? '',
    secret,
    fileVariable: secret && meta.fileVariable !== false ? `${env}_FILE` : undefined,
    hot: meta.hot === true,
    beforeKv: meta.beforeKv === true,
    kind: kindOf(inner),
    required: !optional && defaultValue === undefined,
    defaultValue,
    accepts: meta.accepts ?? acceptedBy(inner),
    schema,
  }
}

const kebab = (key: string): string => key.replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase()

/** The metadata of the wrappers (`default`, `optional`, ...) and of the wrapped schema together. The outer ones win. */
const metaOf = (schema: z.core.$ZodType): SettingMeta => {
  const inner = wrapped(schema)
  return {
    ...(inner === undefined ? {} : metaOf(inner)),
    ...(z.globalRegistry.get(schema) as SettingMeta | undefined),
  }
}

const wrapped = (schema: z.core.$ZodType): z.core.$ZodType | undefined => {
  const { def } = (schema as z.core.$ZodTypes)._zod
  switch (def.type) {
    case 'default':
    case 'prefault':
    case 'optional':
    case 'nonoptional':
    case 'nullable':
    case 'readonly':
    case 'catch':
      return def.innerType
    case 'pipe':
      return (def.in as z.core.$ZodTypes)._zod.def.type === 'transform' ? def.out : def.in
    default:
      return undefined
  }
}

const unwrap = (schema: z.core.$ZodType) => {
  let inner = schema
  let optional = false
  let defaultValue: unknown
  for (let next = wrapped(inner); next !== undefined; next = wrapped(inner)) {
    const { def } = (inner as z.core.$ZodTypes)._zod
    if (def.type === 'optional') optional = true
    if (def.type === 'default' || def.type === 'prefault') defaultValue ??= def.defaultValue
    inner = next
  }
  return { inner, optional, defaultValue }
}

/** Whether commas separate the items of a list setting. */
export const hasCommas = (schema: z.core.$ZodType): boolean => metaOf(schema).commas !== false

/** The schema of one item of a list setting. */
export const itemOf = (schema: z.core.$ZodType): z.core.$ZodType => {
  const { inner } = unwrap(schema)
  const { def } = (inner as z.core.$ZodTypes)._zod
  return def.type === 'array' ? def.element : inner
}

/** The values that a schema of fixed values accepts; undefined for others. */
export const fixedValues = (schema: z.core.$ZodType): readonly unknown[] | undefined => {
  const { def } = (unwrap(schema).inner as z.core.$ZodTypes)._zod
  if (def.type === 'literal') return def.values
  return def.type === 'enum' ? Object.values(def.entries) : undefined
}

/** The alternatives of a union; none for other schemas. */
export const alternatives = (schema: z.core.$ZodType): readonly z.core.$ZodType[] => {
  const { def } = (unwrap(schema).inner as z.core.$ZodTypes)._zod
  return def.type === 'union' ? def.options : []
}

/** Returns the reader of text for this schema. */
export const kindOf = (schema: z.core.$ZodType): Kind => {
  const { inner } = unwrap(schema)
  switch ((inner as z.core.$ZodTypes)._zod.def.type) {
    case 'number':
      return 'number'
    case 'boolean':
      return 'toggle'
    case 'array':
    case 'set':
      return 'list'
    case 'object':
    case 'record':
    case 'tuple':
    case 'map':
      return 'json'
    default:
      return 'text'
  }
}

const acceptedBy = (schema: z.core.$ZodType): string => {
  const { def } = (schema as z.core.$ZodTypes)._zod
  const fixed = fixedValues(schema)
  if (fixed !== undefined) return fixed.length === 1 ? String(fixed[0]) : `one of ${fixed.join(', ')}`
  if (def.type === 'union') return def.options.map(acceptedBy).join(' or ')
  switch (kindOf(schema)) {
    case 'number':
      return schema instanceof z.ZodNumber ? rangeOf(schema) : 'a number'
    case 'toggle':
      return 'true or false'
    case 'list':
      return 'a list with commas between the items'
    case 'json':
      return 'a JSON value'
    case 'text':
      return 'text'
  }
}

const rangeOf = ({ minValue, maxValue, isInt }: z.ZodNumber): string => {
  const number = isInt ? 'a whole number' : 'a number'
  const [least, most] = [bound(minValue), bound(maxValue)]
  if (least !== undefined && most !== undefined) return `${number} from ${least} to ${most}`
  if (least !== undefined) return `${number}, at least ${least}`
  return most === undefined ? number : `${number}, at most ${most}`
}

const bound = (value: number | null): number | undefined =>
  value !== null && Math.abs(value) < Number.MAX_SAFE_INTEGER ? value : undefined
