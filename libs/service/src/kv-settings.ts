import { join } from 'node:path'
import type { ConsulConfig, KvConfig } from '@armature/config/consul'
import { describeFault, type Fault } from '@armature/config/faults'
import type { OpenKv } from '@armature/config/kv-source'
import { lastGood } from '@armature/config/last-good'
import { type KvEvent, type LiveConfig, type LiveOptions, openLiveConfig } from '@armature/config/live-config'
import type { SettingsReader } from '@armature/config/load'
import { type Env, stateFolder } from '@armature/config/process'
import type { Settings } from '@armature/config/schema'
import { commonMetrics } from '@armature/telemetry/common-metrics'
import type { Telemetry } from '@armature/telemetry/telemetry'
import type { ConfigOf } from './command.ts'
import { serviceMetrics } from './service-metrics.ts'

/** Settings that follow KV, with the store they come from. */
export interface KvSettings<S extends Settings> {
  readonly live: LiveConfig<ConfigOf<S>>
  /** Ends the watch and closes the store. */
  close(): void
}

export interface KvOptions<S extends Settings> extends Pick<LiveOptions<S>, 'settings' | 'coldChanges'> {
  /** The service, by whose name its keys are found. */
  name: string
  env: Env
  reader: SettingsReader<S>
}

/** Below these, keys of all services and those of one; the latter win. */
export const kvPrefixes = (service: string): readonly [string, string] => ['config/application/', `config/${service}/`]

/**
 * The settings with those of KV, where the settings name a store and `CONFIG_KV` is not off; undefined where not. Rejects with
 * ConfigError as `openLiveConfig` does.
 */
export const openKvSettings = async <S extends Settings>(
  open: OpenKv | undefined,
  options: KvOptions<S>,
  stopping: AbortSignal,
): Promise<KvSettings<S> | undefined> => {
  const early: Partial<ConsulConfig & KvConfig> | undefined = options.reader.beforeKv()
  const { configKv = true, configKvStartMs = 3_000, configKvQuietMs = 100, configKvSplayMs = 5_000 } = early ?? {}
  const opened = early === undefined || !configKv ? undefined : open?.(early)
  if (opened === undefined) return undefined
  const { source, origin } = opened
  try {
    const live = await openLiveConfig({
      ...options,
      source,
      prefixes: kvPrefixes(options.name),
      lastGood: lastGood(join(stateFolder(options.env), 'config'), options.name, origin),
      startMs: configKvStartMs,
      quietMs: configKvQuietMs,
      splayMs: configKvSplayMs,
      signal: stopping,
    })
    const close = (): void => {
      live.close()
      source.close()
    }
    return { live, close }
  } catch (error) {
    source.close()
    throw error
  }
}

/** Logs and counts what becomes of KV's answers. A store that stays away is warned of once. */
export const kvEventTeller = ({ log, metrics }: Pick<Telemetry, 'log' | 'metrics'>): ((event: KvEvent) => void) => {
  let away = false
  return (event) => {
    switch (event.kind) {
      case 'started without KV':
        log.warn({ from: event.from }, startTexts[event.from])
        return
      case 'applied':
      case 'restarting':
      case 'waiting':
      case 'taken back': {
        const { kind, ...fields } = event
        const { outcome, text } = changes[kind]
        metrics.count(serviceMetrics.config_changes_total, 1, { outcome })
        log.info(fields, `settings changed in KV: ${text}`)
        return
      }
      case 'rejected':
        metrics.count(serviceMetrics.config_changes_total, 1, { outcome: 'rejected' })
        log.error({ keys: event.faults.map(({ key }) => key) }, `rejected in KV: ${told(event.faults)}`)
        return
      case 'unreachable':
        metrics.count(commonMetrics.component_errors_total, 1, { component: 'config', error_type: 'kv_unreachable' })
        ;(away ? log.debug : log.warn)({ err: event.fault }, 'KV cannot be read: the settings stay as they are')
        away = true
        return
      case 'reachable':
        away = false
        log.info('KV can be read again')
        return
      case 'not kept':
        metrics.count(commonMetrics.component_errors_total, 1, {
          component: 'config',
          error_type: 'last_good_not_kept',
        })
        log.warn(
          { err: event.fault },
          'the last good settings cannot be kept on disk: set XDG_STATE_HOME to a folder that can be written',
        )
    }
  }
}

const changes = {
  applied: { outcome: 'applied', text: 'applied' },
  restarting: { outcome: 'restart', text: 'restarting' },
  waiting: { outcome: 'waiting', text: 'the change takes effect at the next start' },
  'taken back': { outcome: 'taken_back', text: 'what waited for the next start was taken back' },
} as const

const startTexts = {
  'last good': 'KV did not answer: started with its last good values',
  none: 'KV did not answer and there are no last good values: started without it',
} as const

const maxTold = 20

const told = (faults: readonly Fault[]): string => faults.slice(0, maxTold).map(describeFault).join('; ')
