import { prefixed } from './env-layer.ts'
import { ConfigError } from './faults.ts'
import type { LayerValue } from './layers.ts'
import { nearest } from './nearest.ts'
import { hidden, redactUrl } from './redact.ts'
import type { Setting } from './schema.ts'

/** The layers from the strongest to the weakest. */
export const precedence = ['flag', 'env', 'KV', 'file', 'default'] as const
export type LayerName = (typeof precedence)[number]

const maxShown = 120

/** A value as it may be printed: never a secret's, no credentials of a URL, cut to a bounded length. */
export const show = (setting: Pick<Setting, 'secret'>, given: unknown): string => {
  if (setting.secret) return hidden
  const text = redactUrl(typeof given === 'string' ? given : (JSON.stringify(given) ?? String(given)))
  const cut = text.length > maxShown ? `${text.slice(0, maxShown)}...` : text
  return typeof given === 'string' ? JSON.stringify(cut) : cut
}

/** Makes `explain`: a block a setting, its layers from the strongest to the weakest. */
export const explainer =
  (
    { name, envPrefix = '' }: { readonly name: string; readonly envPrefix?: string | undefined },
    settings: readonly Setting[],
    layersOf: (key: string) => ReadonlyMap<LayerName, LayerValue>,
  ) =>
  (key?: string): string => {
    const chosen = key === undefined ? settings : [find(name, envPrefix, settings, key)]
    return chosen.map((setting) => block(setting, layersOf(setting.key))).join('\n')
  }

const find = (name: string, envPrefix: string, settings: readonly Setting[], wanted: string): Setting => {
  const flag = wanted.replace(/^-+/, '')
  const found = settings.find(
    ({ key, env, flag: own }) =>
      key === wanted || env === wanted || prefixed(envPrefix, env) === wanted || own === flag,
  )
  if (found !== undefined) return found
  const meant = nearest(
    wanted,
    settings.flatMap(({ key, env }) => [key, env]),
  )
  const fix = meant === undefined ? 'explain without a key lists them all' : `did you mean ${meant}?`
  const fault = { key: wanted.slice(0, 80), source: 'argument 1', problem: `is not a setting of ${name}`, fix }
  throw new ConfigError(name, [fault], () => '')
}

const block = (setting: Setting, held: ReadonlyMap<LayerName, LayerValue>): string => {
  const winner = precedence.find((layer) => held.has(layer))
  const title = `${setting.key}${setting.description === '' ? '' : `: ${setting.description}`}`
  const rows = precedence.map((layer) => {
    const entry = held.get(layer)
    const source = entry?.source ?? nameOf(layer, setting)
    if (entry === undefined) return `  ${source}: not set`
    const shown = layer === 'default' ? show({ secret: false }, entry.given) : show(setting, entry.given)
    const wrong = 'problem' in entry.decoded ? ` (${entry.decoded.problem})` : ''
    const ignored = entry.ignored === undefined ? '' : `  (ignored: ${entry.ignored.join(', ')})`
    return `  ${source}: ${shown}${wrong}${layer === winner ? '  <- wins' : ''}${ignored}`
  })
  return [title, ...rows, ...(winner === undefined ? ['  no layer sets it'] : [])].join('\n')
}

const nameOf = (layer: LayerName, { key, flag, env }: Setting): string => {
  switch (layer) {
    case 'flag':
      return `flag --${flag}`
    case 'env':
      return `env ${env}`
    case 'KV':
      return `KV ${key}`
    default:
      return layer
  }
}
