import { isIP } from 'node:net'
import * as z from 'zod'

/**
 * The metadata that `.meta()` may give to a setting. The key `grpcPort` is by itself the flag `--grpc-port`, the env variable `GRPC_PORT`,
 * and `grpcPort` in Consul KV and in the file.
 */
export interface SettingMeta {
  /** One line for --help, the README's table and the chart's schema. */
  description?: string | undefined
  /** The exact name of the env variable, where it is not the key in capitals. */
  env?: string
  /** The long flag without its dashes, where it is not the key in kebab case. */
  flag?: string
  /** The accepted values, in words that follow "is not" and "set it to", where the schema does not say it by itself. */
  accepts?: string
  /** A one-letter flag, without its dash. */
  short?: string
  /** Never printed; may also be given as a file named by the env variable with `_FILE` after it. */
  secret?: boolean
  /** False where the variable with `_FILE` after it is a setting of its own. */
  fileVariable?: boolean
  /** False for a list whose items may hold commas: a text is one item then, unless it is a JSON array. */
  commas?: boolean
  /** A change takes effect without a restart. */
  hot?: boolean
  /** Read before Consul KV is, so that KV cannot hold it. */
  beforeKv?: boolean
}

declare module 'zod' {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- extends zod's own interface by merging
  interface GlobalMeta extends SettingMeta {}
}

const maxPort = 65_535
const maxDurationMs = 2 ** 31 - 1

/** Any text but the empty one. */
export const text = () => z.string().min(1)

/** A text that `check` takes; what it throws is the fault. */
export const checkedText = (check: (value: string) => void) =>
  text().superRefine((value, context) => {
    try {
      check(value)
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) })
    }
  })

/** A whole number. Both ends belong to the range. */
export const integer = (range: { min?: number; max?: number } = {}) =>
  z
    .int()
    .min(range.min ?? Number.MIN_SAFE_INTEGER)
    .max(range.max ?? Number.MAX_SAFE_INTEGER)

/** A number, not NaN or infinite. Both ends belong to the range. */
export const decimal = (range: { min?: number; max?: number } = {}) =>
  z
    .number()
    .min(range.min ?? -Number.MAX_VALUE)
    .max(range.max ?? Number.MAX_VALUE)

/** A TCP or UDP port; 0 = any free one, where the setting says so. */
export const port = () => integer({ min: 0, max: maxPort })

/** A time in milliseconds, at most what a Node timer can wait: 2,147,483,647 (24.8 days). */
export const durationMs = (range: { min?: number; max?: number } = {}) =>
  integer({ min: range.min ?? 0, max: range.max ?? maxDurationMs })

/** A size in bytes. */
export const bytes = (range: { min?: number; max?: number } = {}) => integer({ min: range.min ?? 0, ...range })

/** On or off: `--flag`, `--no-flag`, `--flag=false`; `true` or `false` elsewhere. */
export const toggle = () => z.boolean()

/** One of the given words. */
export const choice = <const W extends readonly [string, ...string[]]>(words: W) => z.enum(words)

/** A list: repeated flags, or items with commas between (unless its meta says `commas: false`), or a JSON array. */
export const list = <Item extends z.ZodType>(item: Item) => z.array(item)

/** A host name or an IP address, without a port. */
export const host = () =>
  z
    .string()
    .min(1)
    .max(253)
    .refine((value) => isIP(value) !== 0 || /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?$/i.test(value), {
      error: 'is neither a host name nor an IP address',
    })
    .meta({ accepts: 'a host name or an IP address' })

/** An absolute URL; `schemes` (`['http', 'https']`) restricts it. An empty remainder (`memory:`) is a URL too. */
export const url = (schemes?: readonly [string, ...string[]]) => {
  const accepts =
    schemes === undefined ? 'a URL' : `a URL that begins with ${schemes.map((one) => `${one}:`).join(' or ')}`
  return z
    .string()
    .refine((value) => fits(value, schemes), { error: `is not ${accepts}` })
    .meta({ accepts })
}

const fits = (value: string, schemes: readonly string[] | undefined): boolean => {
  const parsed = URL.parse(value)
  return parsed !== null && (schemes === undefined || schemes.includes(parsed.protocol.slice(0, -1)))
}

/**
 * The URL of a broker, which may have several hosts: `kafka://a:9092,b:9092`. Its scheme and options are checked by the driver that is opened
 * by it.
 */
export const brokerUrl = () =>
  z
    .string()
    .refine(isBrokerUrl, { error: 'is not the URL of a broker' })
    .meta({ accepts: 'the URL of a broker, such as kafka://HOST:9092,HOST:9092' })

const beforeHosts = /^[a-z][a-z0-9+.-]*:\/\/(?:[^@/?#]*@)?/i

const isBrokerUrl = (value: string): boolean => {
  const before = beforeHosts.exec(value)?.[0]
  if (before === undefined) return URL.canParse(value)
  const [hosts = ''] = value.slice(before.length).split(/[/?#]/, 1)
  const after = value.slice(before.length + hosts.length)
  const all = hosts.split(',')
  return all.every((host) => (host !== '' || all.length === 1) && URL.canParse(`${before}${host}${after}`))
}
