import { setImmediate } from 'node:timers/promises'
import { formatHostPort } from '@armature/async/host-port'
import { brokerChecks, brokerNotReady, observeBroker } from '@armature/messaging/broker-readiness'
import { systemClock, type Cancel, type Clock } from '@armature/async/clock'
import { deadLetter } from '@armature/messaging/dead-letter'
import { openDriver } from '@armature/messaging-drivers/open'
import { openKeyValue } from '@armature/messaging-drivers/open-key-value'
import type { KeyValue } from '@armature/messaging/key-value'
import { openedUnless } from '@armature/messaging/opened-unless'
import type { Driver, Subscription } from '@armature/messaging/ports'
import { brokerInWords } from '@armature/messaging/broker-in-words'
import { tracedPublisher } from '@armature/messaging/trace'
import type { Service } from '@armature/service/service'
import { commonMetrics } from '@armature/telemetry/common-metrics'
import { createLedger } from '@armature/telemetry/ledger'
import { createTelemetry, type Telemetry } from '@armature/telemetry/telemetry'
import { alertMetrics } from './alert-metrics.ts'
import { type Alerting, openAlerting } from './alerting.ts'
import { openAlertDriver } from './notify/alert-driver.ts'
import { createAlertBook, type AlertBook } from './alerts/alert-book.ts'
import type { Config } from './config.ts'
import type { Notice } from './events.ts'
import { openCollectors, type Collectors } from './collect/collectors.ts'
import { createEvaluation, type Evaluation } from './collect/evaluation.ts'
import { readForeign } from './collect/foreign-messages.ts'
import type { Listener } from './collect/listener.ts'
import { openSampleIntake } from './collect/sample-intake.ts'
import { createNotices, type Notices } from './notify/notices.ts'
import { createMonitor, type Monitor } from './rules/monitor.ts'
import { openLiveRules, type LiveRules } from './rules/live-rules.ts'
import type { Rule } from './rules/rules.ts'
import { steadyTime } from './steady-time.ts'

const name = 'alert-monitor'
const overflowLogEveryMs = 60_000
/** All monitors of a broker share it. */
const bucketName = 'armature-alerts'

/** The edges of the monitor: its ways to the outside, apart from the UDP port that its settings name. */
export interface Edges {
  readonly telemetry: Telemetry
  readonly clock: Clock
  readonly openMessaging: () => Promise<Driver>
  /** Another way to the same broker, for alerts: where it resolves to undefined, they go by the first. Default: they do. */
  readonly openAlertMessaging?: () => Promise<Driver | undefined>
  /** The bucket of the broker for silences, claims and alerts. Default, and where it resolves to undefined: they are in a file. */
  readonly openBucket?: () => Promise<KeyValue | undefined>
}

/** Real telemetry, time and broker, as the settings say. */
export const realEdges = (config: Config): Edges => {
  const telemetry = createTelemetry({ service: name, config })
  const warn = (problem: string) => telemetry.log.warn(problem)
  const options = { source: `/armature/${name}`, metrics: telemetry.metrics, warn }
  return {
    telemetry,
    clock: systemClock(),
    openMessaging: () => openDriver(config.messagingUrl, options),
    openAlertMessaging: () => openAlertDriver(config.messagingUrl, options),
    openBucket: () => openKeyValue(config.messagingUrl, bucketName, { warn }),
  }
}

export interface AlertMonitor extends Service {
  /** The UDP port for StatsD lines. Throws before `start` resolved. */
  readonly statsdPort: number
  /** The alerts that fire now, the oldest first. */
  firing(): readonly Notice[]
}

interface Parts {
  readonly driver: Driver
  /** The same where alerts go by it. */
  readonly alertDriver: Driver
  readonly alerting: Alerting
  readonly notices: Notices
  readonly book: AlertBook
  readonly evaluation: Evaluation
  readonly monitor: Monitor
  /** Judges what time changes, and tells what is due. */
  readonly tick: () => void
}

/** Judges samples by rules and publishes what it finds to `alerts.<name>`. */
export const alertMonitor = (config: Config, edges: Edges): AlertMonitor => {
  const { telemetry, clock } = edges
  const ended = Promise.withResolvers<number>()
  let parts: Parts | undefined
  let rules: LiveRules | undefined
  let drivers: readonly Driver[] = []
  let listener: Listener | undefined
  let collectors: Collectors | undefined
  let subscription: Subscription | undefined
  let cancelTick: Cancel = () => undefined
  let closed = false

  return {
    name,
    telemetry,
    ended: ended.promise,
    start: async (stopping = new AbortController().signal) => {
      const { rulesFile: file, rulesPollMs: pollMs } = config
      rules = await openLiveRules({ file, clock, pollMs, telemetry })
      const driver = await openedUnless(stopping, edges.openMessaging())
      drivers = [driver]
      const alertDriver = (await edges.openAlertMessaging?.()) ?? driver
      drivers = [...new Set([driver, alertDriver])]
      parts = await compose(config, edges, rules.atStart, { driver, alertDriver })
      const { alerting, evaluation, monitor, tick } = parts
      rules.follow(monitor.replaceRules)
      observeBroker(driver, telemetry.metrics)
      ;({ listener, subscription } = await openSampleIntake({ name, config, driver, evaluation }, ended.reject))
      collectors = await openCollectors({ config, clock, telemetry, monitor, evaluation })
      await alerting.api?.start(stopping)
      cancelTick = every(clock, config.evaluateEveryMs, tick)
    },
    ...(config.rulesFile !== undefined && { reload: () => rules?.reload() }),
    checks: ['publish', ...brokerChecks],
    notReady: () => [
      ...(parts?.notices.full === undefined ? [] : [{ check: 'publish', reason: parts.notices.full }]),
      ...brokerNotReady(parts?.driver),
    ],
    stopIntake: async () => {
      cancelTick()
      rules?.close()
      const api = parts?.alerting.api
      await Promise.all([listener?.close(), collectors?.stop(), subscription?.stop(), api?.stopIntake?.()])
    },
    finish: async () => {
      const api = parts?.alerting.api
      await Promise.all([parts?.evaluation.idle(), collectors?.idle(), subscription?.idle(), api?.finish?.()])
    },
    flush: async () => {
      await settled(parts)
      while (parts !== undefined && parts.book.owed() > 0 && !closed) {
        parts.tick()
        // If nothing found its way into an empty queue, another round would change nothing.
        if (parts.notices.size === 0 && parts.alerting.owed === 0) return
        await settled(parts)
        // Timers, signals and probes have their turn, also with a broker that answers at once.
        await setImmediate()
      }
    },
    close: async () => {
      cancelTick()
      const owed = parts?.book.owed() ?? 0
      if (owed > 0 && !closed) telemetry.log.error({ owed }, 'notices of alerts found no room and are lost')
      closed = true
      parts?.notices.close()
      rules?.close()
      await Promise.all([listener?.close(), collectors?.stop(), parts?.alerting.api?.close()])
      await parts?.alerting.close()
      await Promise.all(drivers.map((driver) => driver.close()))
    },
    ledger: () =>
      parts === undefined
        ? []
        : [
            parts.evaluation.ledger.snapshot(),
            ...(collectors?.ledger() ?? []),
            parts.notices.ledger(),
            ...(parts.alerting.api?.ledger?.() ?? []),
          ],
    addresses: () => [
      ...(listener === undefined ? [] : [{ label: 'StatsD', address: statsdAddress(config, listener.port) }]),
      ...(collectors?.addresses ?? []),
      ...(parts?.alerting.api?.addresses?.() ?? []),
    ],
    get waitsFor() {
      const port = listener?.port ?? config.statsdListenPort
      const samples = config.samplesTopic === undefined ? '' : ` and samples on ${config.samplesTopic}`
      const broker = brokerInWords(config.messagingUrl)
      return (
        `waits for StatsD lines at ${statsdAddress(config, port)}${samples} (start services with STATSD_PORT=${port}); ` +
        `alerts go to ${broker}: MESSAGING_URL points at a real one`
      )
    },
    get statsdPort() {
      if (listener === undefined) throw new Error('the StatsD port is known once start() has resolved')
      return listener.port
    },
    firing: () => parts?.book.firing() ?? [],
  }
}

/** Calls again and again, first after `everyMs`, until the answer is called. */
const every = (clock: Clock, everyMs: number, work: () => void): Cancel => {
  let cancel: Cancel = () => undefined
  const wait = () => {
    cancel = clock.after(everyMs, () => {
      work()
      wait()
    })
  }
  wait()
  return () => cancel()
}

/** Resolves when all that was raised is kept and published. */
const settled = async (parts: Parts | undefined): Promise<void> => {
  await parts?.alerting.idle()
  await parts?.notices.idle()
  await parts?.alerting.idle()
}

const compose = async (
  config: Config,
  { telemetry, clock, openBucket }: Edges,
  rules: readonly Rule[],
  { driver, alertDriver }: Pick<Parts, 'driver' | 'alertDriver'>,
): Promise<Parts> => {
  const { log, metrics } = telemetry
  const steadyMs = steadyTime(clock)
  const wallMs = () => clock.now()
  let nextErrorMs = 0
  const notices = createNotices({
    publisher: tracedPublisher(alertDriver, { system: alertDriver.scheme }),
    clock,
    telemetry,
    maxQueued: config.maxQueuedNotices,
    publishTimeoutMs: config.publishTimeoutMs,
  })
  const onOverflow = (rule: string, labels: Notice['labels']) => {
    metrics.count(commonMetrics.component_discarded_events_total, 1, {
      component: name,
      intentional: false,
      reason: 'alert-limit',
    })
    if (steadyMs() < nextErrorMs) return
    nextErrorMs = steadyMs() + overflowLogEveryMs
    log.error({ rule, labels, maxAlerts: config.maxAlerts }, 'an alert is not raised: there are too many')
  }
  const alerting = await openAlerting({
    ...{ config, telemetry, clock, notices, openBucket },
    onOverflow: (notice) => onOverflow(notice.name, notice.labels),
  })
  const book = createAlertBook({
    repeatMs: config.repeatMs,
    maxAlerts: config.maxAlerts,
    steadyMs,
    wallMs,
    offer: alerting.offer,
    onOverflow: ({ rule, labels }) => onOverflow(rule.name, labels),
  })
  const { maxSeries, maxSetMembers, maxQuantileBins, seriesIdleMs, maxQueuedSamples, maxQueuedSampleBytes } = config
  const monitor = createMonitor({
    rules,
    book,
    maxSeries,
    maxSetMembers,
    maxQuantileBins,
    seriesIdleMs,
    steadyMs,
    wallMs,
  })
  metrics.observe(alertMetrics.alerts_firing, () => book.firing().length)
  metrics.observe(alertMetrics.alert_series, () => monitor.seriesCount)
  return {
    driver,
    alertDriver,
    alerting,
    notices,
    book,
    evaluation: createEvaluation({
      monitor,
      log,
      maxQueuedSamples,
      maxQueuedSampleBytes,
      ledger: (inFlight) => createLedger({ stage: name, inFlight, metrics }),
      readForeign: foreignReader(config),
      deadLetter: deadLetter({ publisher: driver, handler: 'samples', group: name, clock, metrics }),
    }),
    monitor,
    tick: () => {
      monitor.tick()
      alerting.tick(book.firing(), book.pending())
    },
  }
}

const foreignReader = ({
  sampleValuePath: valuePath,
  sampleName: name,
  sampleType: type,
  sampleTagPaths: tagPaths,
}: Config) => (valuePath === undefined ? undefined : readForeign({ valuePath, name, type, tagPaths }))

const statsdAddress = ({ statsdListenHost: host }: Config, port: number): string => `udp ${formatHostPort(host, port)}`
