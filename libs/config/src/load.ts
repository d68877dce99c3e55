import * as z from 'zod'
import { explainer, precedence, show, type LayerName } from './explain.ts'
import { envLayer } from './env-layer.ts'
import { ConfigError, type Fault } from './faults.ts'
import { type ParsedFlags, parseFlags, type Positionals } from './flags.ts'
import { freeze } from './freeze.ts'
import { fileLayer, flagLayer, kvLayer, type LayerValue, type Layer } from './layers.ts'
import type { Env } from './process.ts'
import { hidden } from './redact.ts'
import { describeSettings, type Setting, type Settings } from './schema.ts'

export { ConfigError, type Fault } from './faults.ts'

export interface LoadOptions<S extends Settings> {
  /** The service or command, for messages. */
  name: string
  settings: S
  /** Without the program's name. */
  argv: readonly string[]
  env: Env
  /**
   * Variables with this before their names, such as `LOG_SHIPPER_`, are stronger: where one gives a setting, in either form (`NAME`, `NAME_FILE`), the forms
   * without it do not count. For a process that shares its environment with a child. Default: none.
   */
  envPrefix?: string | undefined
  /** Arguments without a flag. Default: each one is a fault. */
  positionals?: Positionals
  /** Layers between the environment and the file: a service's prefix of Consul KV, keys without the prefix. */
  layers?: { readonly kv?: Readonly<Record<string, string>> }
}

export interface Loaded<T> {
  /** Validated, with defaults, frozen in depth. */
  readonly config: Readonly<T>
  /**
   * Which layer won a setting and what the others hold, secrets as `***`. A key is `grpcPort`, `--grpc-port` or `GRPC_PORT`;
   * without one all are explained. Throws ConfigError (exit code 64) for an unknown key.
   */
  readonly explain: (key?: string) => string
  readonly positionals: readonly string[]
  /** The arguments after `--`. */
  readonly rest: readonly string[]
}

/** Flags, environment and file as they were when this was opened: what changes in them later changes no setting. */
export interface SettingsReader<S extends Settings> {
  /** The settings with what KV holds now. Throws one ConfigError with every fault. */
  load(kv?: Readonly<Record<string, string>>): Loaded<z.infer<S>>
  /**
   * Only the settings that are read before KV is (`beforeKv`); undefined where one of them is wrong, which `load` then tells with all
   * other faults.
   */
  beforeKv(): Readonly<Record<string, unknown>> | undefined
}

/** Reads flags, environment and the files that they name, once. Never throws: `load` tells what is wrong. */
export const settingsReader = <S extends Settings>(options: Omit<LoadOptions<S>, 'layers'>): SettingsReader<S> => {
  const { settings: schema } = options
  const settings = describeSettings(schema)
  const own = ownLayers(settings, options)
  return {
    load: (kv) => {
      const gathered = gather(options, settings, own, kv)
      const { config, faults } = judge(schema, settings, gathered)
      const { explain } = gathered
      if (config === undefined) throw new ConfigError(options.name, faults, explain)
      return { config, explain, positionals: own.flags.positionals, rest: own.flags.rest }
    },
    beforeKv: () => {
      const early = settings.filter(({ beforeKv }) => beforeKv)
      const keys = new Set(early.map(({ key }) => key))
      const shape = Object.fromEntries(Object.entries(schema.shape).filter(([key]) => keys.has(key)))
      const gathered = gather(options, settings, own)
      const faults = gathered.faults.filter(({ key }) => keys.has(key))
      return judge(z.object(shape), early, { ...gathered, faults }).config
    },
  }
}

/**
 * Reads the settings from flags, environment, KV, the JSON file named by `--config`, and defaults, in this order of strength.
 * Throws one ConfigError with every fault. A value that a stronger layer hides is not validated.
 */
export const loadConfig = <S extends Settings>(options: LoadOptions<S>): Loaded<z.infer<S>> =>
  settingsReader(options).load(options.layers?.kv)

interface OwnLayers {
  readonly flags: ParsedFlags
  readonly layers: Readonly<Record<Exclude<LayerName, 'KV'>, Layer>>
}

/** The values of each layer but KV, before any is validated. */
const ownLayers = (
  settings: readonly Setting[],
  { env, envPrefix, argv, positionals }: Omit<LoadOptions<Settings>, 'layers'>,
): OwnLayers => {
  const flags = parseFlags(argv, settings, positionals)
  const layers = {
    flag: flagLayer(settings, flags.values),
    env: envLayer(settings, env, envPrefix),
    file: flags.configPath === undefined ? nothing : fileLayer(settings, flags.configPath),
    default: defaultLayer(settings),
  }
  return { flags, layers }
}

interface Gathered {
  readonly layersOf: (key: string) => ReadonlyMap<LayerName, LayerValue>
  readonly explain: (key?: string) => string
  readonly faults: readonly Fault[]
}

/** Returns the values of each layer, before any is validated. */
const gather = (
  names: Pick<LoadOptions<Settings>, 'name' | 'envPrefix'>,
  settings: readonly Setting[],
  own: OwnLayers,
  kv?: Readonly<Record<string, string>>,
): Gathered => {
  const layers: Readonly<Record<LayerName, Layer>> = {
    ...own.layers,
    KV: kv === undefined ? nothing : kvLayer(settings, kv),
  }
  const layersOf = (key: string): ReadonlyMap<LayerName, LayerValue> =>
    new Map(
      precedence.flatMap((layer) => {
        const held = layers[layer].values.get(key)
        return held === undefined ? [] : [[layer, held] as const]
      }),
    )
  const explain = explainer(names, settings, layersOf)
  const faults = [...own.flags.faults, ...precedence.flatMap((layer) => layers[layer].faults)]
  return { layersOf, explain, faults }
}

/** The winners validated; no config where anything is at fault. */
const judge = <S extends Settings>(
  schema: S,
  settings: readonly Setting[],
  gathered: Pick<Gathered, 'layersOf' | 'faults'>,
): { readonly config?: Readonly<z.infer<S>>; readonly faults: readonly Fault[] } => {
  const faults = [...gathered.faults]
  const faulty = new Set(faults.map(({ key }) => key))
  const winners = new Map<string, LayerValue>()
  const input: Record<string, unknown> = {}
  for (const setting of settings) {
    const held = gathered.layersOf(setting.key)
    const winner = precedence.map((layer) => held.get(layer)).find((entry) => entry !== undefined)
    if (winner === undefined) continue
    winners.set(setting.key, winner)
    if (winner.source === 'default') continue
    if ('problem' in winner.decoded) {
      faults.push(faultOf(setting, winner, winner.decoded.problem))
      faulty.add(setting.key)
    } else input[setting.key] = winner.decoded.value
  }

  const result = schema.safeParse(input)
  for (const issue of result.error?.issues ?? []) {
    const [key] = issue.path
    const setting = settings.find((one) => one.key === key)
    if (setting === undefined) {
      // A rule over several settings says nothing while one of them could not be read.
      if (faulty.size > 0) continue
      faults.push({ key: '*', source: 'several settings', problem: issue.message, fix: 'change one of them' })
    } else if (!faulty.has(setting.key)) {
      faults.push(faultOf(setting, winners.get(setting.key), problemOf(setting, issue)))
    }
  }
  return faults.length > 0 || !result.success ? { faults } : { config: freeze(result.data), faults }
}

const nothing: Layer = { values: new Map(), faults: [] }

const defaultLayer = (settings: readonly Setting[]): Layer => ({
  values: new Map(
    settings.flatMap(({ key, defaultValue }) =>
      defaultValue === undefined
        ? []
        : [[key, { source: 'default', given: defaultValue, decoded: { value: defaultValue } }] as const],
    ),
  ),
  faults: [],
})

const problemOf = (setting: Setting, issue: z.core.$ZodIssue): string => {
  const outOfRange = ['invalid_type', 'too_big', 'too_small', 'invalid_value'].includes(issue.code)
  if (issue.path.length === 1 && outOfRange && setting.accepts !== 'text') return `is not ${setting.accepts}`
  const where = issue.path.length > 1 ? ` at ${issue.path.slice(1).join('.')}` : ''
  const message = issue.message.charAt(0).toLowerCase() + issue.message.slice(1)
  return where === '' && /^(is|has|holds|needs) /.test(message) ? message : `is not accepted${where}: ${message}`
}

const faultOf = (setting: Setting, held: LayerValue | undefined, problem: string): Fault => {
  const { key, accepts } = setting
  if (held === undefined) {
    const fix = `pass --${setting.flag} or set ${setting.env} (${accepts})`
    return { key, source: 'unset', problem: 'is required and no layer sets it', fix }
  }
  const shown = setting.secret ? 'the value' : show(setting, held.given)
  const safe = setting.secret && typeof held.given === 'string' ? problem.replaceAll(held.given, hidden) : problem
  return { key, source: held.source, problem: `${shown} ${safe}`, fix: fixOf(setting, held.source) }
}

const fixOf = ({ key, flag, accepts, kind }: Setting, source: string): string => {
  if (source.startsWith('flag'))
    return kind === 'toggle' ? `pass --${flag} or --no-${flag}` : `pass --${flag} with ${accepts}`
  if (source.startsWith('file')) return `let "${key}" be ${accepts}`
  if (source.endsWith('_FILE')) return `let the file that ${source.slice('env '.length)} names hold ${accepts}`
  return `set ${source.replace(/^env /, '')} to ${accepts}`
}
