import type { Chart } from './chart.ts'
import type { AppSettings } from './app-settings.ts'

/** What a pod needs otherwise than a laptop: addresses that others reach, and ports that a Service knows. */
const inPod: Readonly<Record<string, unknown>> = {
  httpHost: '0.0.0.0',
  httpPort: 8080,
  grpcHost: '0.0.0.0',
  grpcPort: 50_051,
  apiHost: '0.0.0.0',
  apiPort: 8090,
  statsdListenHost: '0.0.0.0',
  statsdListenPort: 8125,
  drainDeadlineMs: 10_000,
}

/** The settings that the chart sets, in the order of the app's schema. Throws for a fact about a setting that the app does not have. */
export const configDefaults = ({ facts, settings }: Pick<Chart, 'facts' | 'settings'>): Record<string, unknown> => {
  const unknown = Object.keys(facts.config).find((key) => !settings.plain.some((setting) => setting.key === key))
  if (unknown !== undefined)
    throw new Error(`helm/${facts.name}/chart.json: config.${unknown} is no setting of the app, or a secret one`)
  const given = { ...inPod, ...facts.config }
  return Object.fromEntries(settings.plain.flatMap(({ key }) => (key in given ? [[key, given[key]]] : [])))
}

/** Whether others call the app, so that it must go on serving until they have forgotten it. */
export const isCalled = ({ plain }: AppSettings): boolean =>
  plain.some(({ key }) => /^(grpc|api|statsdListen)Port$/.test(key))

/** Whether the app may scale others, so that a pod needs a token and reaches the API server where `config.scaleAllow` names something. */
export const canScaleOthers = ({ plain }: AppSettings): boolean => plain.some(({ key }) => key === 'scaleAllow')

/** Settings that the ConfigMaps of backends set as variables, which stand before the config file. */
const ofBackends = ['consulHttpAddr', 'statsdHost', 'statsdPort']

/** `settings.json` of a chart: what its templates know of the settings. */
export const settingsFile = ({ facts, settings }: Pick<Chart, 'facts' | 'settings'>) => ({
  hot: settings.hot,
  secretFiles: Object.fromEntries(settings.secrets.map(({ setting, fileVariable }) => [setting.key, fileVariable])),
  backendVariables: Object.fromEntries(
    settings.plain.filter(({ key }) => ofBackends.includes(key)).map(({ key, env }) => [key, env]),
  ),
  requiredSecrets: facts.requiredSecrets,
})
