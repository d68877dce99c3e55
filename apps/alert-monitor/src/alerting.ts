import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Clock } from '@armature/async/clock'
import { formatHostPort } from '@armature/async/host-port'
import { stateFolder } from '@armature/config/process'
import type { KeyValue } from '@armature/messaging/key-value'
import type { Part } from '@armature/service/combine'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { createHttpPart } from '@armature/service/http-part'
import { commonMetrics } from '@armature/telemetry/common-metrics'
import type { Telemetry } from '@armature/telemetry/telemetry'
import { alertMetrics } from './alert-metrics.ts'
import type { Trace } from './alerts/alert-book.ts'
import { type AlertManager, createAlertManager } from './alerts/alert-manager.ts'
import { answerApi } from './api/api-v2.ts'
import type { Config } from './config.ts'
import { loadAlertsPlan } from './dispatch/alerts-config.ts'
import type { Notice } from './events.ts'
import type { Notices } from './notify/notices.ts'
import { openReceivers } from './notify/receivers.ts'
import { createCollections } from './store/collections.ts'
import { openFileKeyValue } from './store/file-key-value.ts'

export interface AlertingOptions {
  readonly config: Config
  readonly telemetry: Telemetry
  readonly clock: Clock
  readonly notices: Notices
  /** Opens the bucket of the broker. Undefined, and where it resolves to that: the state is in a file. */
  readonly openBucket: (() => Promise<KeyValue | undefined>) | undefined
  /** An alert of a rule found `maxAlerts` others, posted ones among them. It is offered again. */
  readonly onOverflow: (notice: Notice) => void
}

/** What becomes of the alerts that rules raise. */
export interface Alerting {
  /** Takes a notice of a rule; false = no room now. */
  offer(notice: Notice, trace: Trace): boolean
  /** Takes the alerts of the rules that fire now, and those that are about to. To be called at a steady pace. */
  tick(firing: readonly Notice[], pending: readonly Notice[]): void
  /** What is not kept or has found no room yet. */
  readonly owed: number
  /** Resolves when all that was offered is kept. */
  idle(): Promise<void>
  /** Why the store takes nothing; undefined while it does. */
  readonly failing: string | undefined
  /** The API; undefined where the settings name no port for it. */
  readonly api: Part | undefined
  close(): Promise<void>
}

/** Without `alertsConfig` and `apiPort` each notice goes straight to its topic, and nothing is kept. */
export const openAlerting = async (options: AlertingOptions): Promise<Alerting> => {
  const { config, notices } = options
  if (config.alertsConfig !== undefined || config.apiPort !== undefined) return openManaged(options)
  return {
    offer: (notice, trace) => notices.offer(notice, trace),
    tick: () => undefined,
    owed: 0,
    failing: undefined,
    idle: () => Promise.resolve(),
    api: undefined,
    close: () => Promise.resolve(),
  }
}

const openManaged = async (options: AlertingOptions): Promise<Alerting> => {
  const { config, telemetry, clock, notices, openBucket, onOverflow } = options
  const { log, metrics } = telemetry
  const warn = (problem: string) => log.warn(problem)
  const plan = await loadAlertsPlan(config.alertsConfig)
  const listening: { url: string } = { url: '' }
  const receivers = await openReceivers({
    plan,
    clock,
    externalUrl: () => listening.url,
    onRequest: (integration, outcome, durationMs) =>
      metrics.time(alertMetrics.alert_webhook_requests, durationMs, { integration, outcome }),
  })
  const bucket = (await openBucket?.()) ?? (await openStateFile(config, warn))
  const collections = createCollections({ bucket, clock, warn })
  const manager = createAlertManager({
    ...{ plan, receivers, collections, clock, owner: randomUUID() },
    maxAlerts: config.maxAlerts,
    maxSilences: config.maxSilences,
    maxClaims: config.maxClaims,
    repeatMs: config.repeatMs,
    publish: (notice, trace, id, onSettled) => notices.offer(notice, trace, { id, onSettled }),
    onTold: (integration) => metrics.count(alertMetrics.alert_notifications_total, 1, { integration, outcome: 'sent' }),
    onFailed: (integration, err) => {
      metrics.count(alertMetrics.alert_notifications_total, 1, { integration, outcome: 'failed' })
      metrics.count(commonMetrics.component_errors_total, 1, { component: 'alert-monitor', error_type: 'notify' })
      log.warn({ err, integration }, 'a receiver was not told and is told again later')
    },
  })
  try {
    await manager.start()
  } catch (error) {
    await manager.close()
    throw error
  }
  return {
    offer: (notice, trace) => {
      const isTaken = manager.offer(notice, trace)
      if (!isTaken) onOverflow(notice)
      return isTaken
    },
    tick: manager.tick,
    idle: manager.idle,
    get owed() {
      return manager.owed
    },
    get failing() {
      return collections.failing
    },
    api: config.apiPort === undefined ? undefined : apiPart({ config, telemetry, clock, manager, plan, listening }),
    close: manager.close,
  }
}

interface ApiParts {
  readonly config: Config
  readonly telemetry: Telemetry
  readonly clock: Clock
  readonly manager: AlertManager
  readonly plan: Parameters<typeof answerApi>[0]['plan']
  /** Is told the address. */
  readonly listening: { url: string }
}

const apiPart = ({ config, telemetry, clock, manager, plan, listening }: ApiParts): Part => {
  const part = createHttpPart({
    name: 'alert-monitor',
    config: { ...config, apiPort: config.apiPort ?? 0 },
    telemetry,
    answer: answerApi({ manager, plan, nowMs: () => clock.now(), startedAtMs: clock.now() }),
  })
  return {
    ...part,
    start: async (stopping) => {
      await part.start(stopping)
      listening.url = part.addresses?.()[0]?.address ?? `http://${formatHostPort(config.apiHost, config.apiPort ?? 0)}`
    },
  }
}

const openStateFile = async ({ alertsStateFile }: Config, warn: (problem: string) => void): Promise<KeyValue> => {
  const path = alertsStateFile ?? join(stateFolder(), 'alert-monitor', 'alerts.json')
  try {
    return await openFileKeyValue(path, warn)
  } catch (cause) {
    throw new ServiceError(`the state of alerts cannot be kept in ${path}`, {
      exitCode: exitCodes.io,
      fix: 'Name a file in a folder that this user may write to by --alerts-state-file (env ALERTS_STATE_FILE)',
      cause,
    })
  }
}
