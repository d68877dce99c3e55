import type { Writable } from 'node:stream'
import type { CommonConfig } from '@armature/config/common'
import { createLogger, silentLogger, type Logger } from './logger.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import type { StatsdOptions } from './statsd.ts'

/** What a service tells about itself. */
export interface Telemetry {
  readonly log: Logger
  readonly metrics: Metrics
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
  /** Where log lines go. Default: standard output. */
  destination?: Writable
}

/** Opens logger and metrics as the settings say. Never fails: what cannot be reached is counted in `telemetry_errors_total`. */
export const openTelemetry = ({ service, config, destination }: TelemetryOptions): Telemetry => {
  const metrics = createMetrics({ service, statsd: statsdOf(config) })
  const log = createLogger({
    service,
    level: config.logLevel,
    ...(destination === undefined ? {} : { destination }),
    onDiscard: () => {
      metrics.count('log_lines_discarded_total', 1, { reason: 'output_blocked' })
    },
  })
  let closed: Promise<void> | undefined
  return {
    log,
    metrics,
    close: () => (closed ??= Promise.all([metrics.close(), log.flush()]).then(() => undefined)),
  }
}

/** Telemetry that writes and sends nothing; its metrics can be read. */
export const testTelemetry = (service = 'test'): Telemetry => {
  const metrics = createMetrics({ service })
  return { log: silentLogger(), metrics, close: () => metrics.close() }
}

/** Where StatsD lines go: a Datadog agent when one is set, else the StatsD server; undefined when the port is 0. */
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
