import type { Writable } from 'node:stream'
import type { CommonConfig } from '@armature/config/common'
import { commonMetrics } from './common-metrics.ts'
import { createLogger, silentLogger, type Logger } from './logger.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import type { Otel, OtelOptions } from './otel.ts'
import type { StatsdOptions } from './statsd.ts'

/** The logger, metrics and traces of a service. */
export interface Telemetry {
  readonly log: Logger
  readonly metrics: Metrics
  /** Resolves when spans are recorded; at once unless an OTLP endpoint is set. A start may wait for it. Never rejects. */
  readonly ready?: Promise<void>
  /** Writes and sends what is buffered; resolves within a few seconds whatever the other side does. Safe to call twice. */
  close(): Promise<void>
}

/** The settings that telemetry reads. */
export type TelemetryConfig = Pick<
  CommonConfig,
  | 'logLevel'
  | 'statsdHost'
  | 'statsdPort'
  | 'statsdPrefix'
  | 'ddAgentHost'
  | 'ddDogstatsdPort'
  | 'ddDogstatsdUrl'
  | 'otlpEndpoint'
>

export interface TelemetryOptions {
  service: string
  config: TelemetryConfig
  /** The stream for log lines. Default: standard output. */
  destination?: Writable
}

/**
 * Opens logger, metrics and, where an OTLP endpoint is set, the OpenTelemetry SDK, as the settings say. Never fails: what cannot
 * be reached is counted in `telemetry_errors_total`, and logged the first time.
 */
export const createTelemetry = ({ service, config, destination }: TelemetryOptions): Telemetry => {
  const log = createLogger({
    service,
    level: config.logLevel,
    ...(destination === undefined ? {} : { destination }),
    onDiscard: () => {
      metrics.count(commonMetrics.log_lines_discarded_total, 1, { reason: 'not_writable' })
    },
  })
  const warned = new Set<string>()
  const warn = (sink: string, error: unknown) => {
    if (warned.has(sink)) return
    warned.add(sink)
    log.warn({ err: error, sink }, `telemetry cannot be sent to ${sink}: further errors are only counted`)
  }
  const otlpFailed = (error: unknown) => {
    metrics.count(commonMetrics.telemetry_errors_total, 1, { sink: 'otlp' })
    warn('otlp', error)
  }
  const { otlpEndpoint } = config
  const otel =
    otlpEndpoint === undefined ? undefined : loadOtel({ service, endpoint: otlpEndpoint, onError: otlpFailed })
  const metrics = createMetrics({
    service,
    statsd: statsdOf(config),
    meter: otel?.then((started) => started?.meter),
    onError: warn,
  })
  let closed: Promise<void> | undefined
  return {
    log,
    metrics,
    ready: otel === undefined ? Promise.resolve() : otel.then(() => undefined),
    close: () =>
      (closed ??= (async () => {
        await Promise.all([metrics.close(), otel?.then((started) => started?.close())])
        await log.flush()
      })()),
  }
}

const loadOtel = async (options: OtelOptions): Promise<Otel | undefined> => {
  try {
    const { startOtel } = await import('./otel.ts')
    return await startOtel(options)
  } catch (error) {
    options.onError(error)
    return undefined
  }
}

/** Telemetry that writes and sends nothing; its metrics can be read. */
export const testTelemetry = (service = 'test'): Telemetry => {
  const metrics = createMetrics({ service })
  return { log: silentLogger(), metrics, close: () => metrics.close() }
}

/** Returns the server of StatsD lines: a Datadog agent when one is set, else the StatsD server; undefined when the port is 0. */
export const statsdOf = (config: TelemetryConfig): StatsdOptions | undefined => {
  const { statsdHost, statsdPort, statsdPrefix: prefix, ddAgentHost, ddDogstatsdPort, ddDogstatsdUrl } = config
  if (ddDogstatsdUrl !== undefined) {
    const { hostname, port } = new URL(ddDogstatsdUrl)
    return { host: bare(hostname), port: port === '' ? ddDogstatsdPort : Number(port), dialect: 'dogstatsd', prefix }
  }
  if (ddAgentHost !== undefined) return { host: ddAgentHost, port: ddDogstatsdPort, dialect: 'dogstatsd', prefix }
  return statsdPort === 0 ? undefined : { host: statsdHost, port: statsdPort, dialect: 'graphite', prefix }
}

const bare = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, '$1')
