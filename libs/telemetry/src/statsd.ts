import { isIP } from 'node:net'
import { within } from '@armature/async/within'
import StatsD from 'hot-shots'
import { cachedLookup } from './lookup.ts'
import type { LabelValues } from './series.ts'

export interface StatsdOptions {
  readonly host: string
  readonly port: number
  /**
   * `graphite`: what the original StatsD reads, no tags. `dogstatsd`: labels as tags. Default graphite.
   */
  readonly dialect?: 'graphite' | 'dogstatsd'
  /** Put before every name, with a dot between. */
  readonly prefix?: string | undefined
}

/** The destination of recordings as StatsD lines. Calls never throw and never wait. */
export interface StatsdSink {
  counter(name: string, value: number, labels: LabelValues): void
  timer(name: string, durationMs: number, labels: LabelValues): void
  gauge(name: string, value: number, labels: LabelValues): void
  histogram(name: string, value: number, labels: LabelValues): void
  /** Sends what is buffered. Resolves at the latest after a second. Safe to call twice. */
  close(): Promise<void>
}

/** Fits one Ethernet frame with room for IPv6 and UDP headers. */
const maxPacketBytes = 1_432
const flushIntervalMs = 200
const closeDeadlineMs = 1_000

/**
 * A StatsD client over UDP. Counters and gauges are combined over 200 ms, lines share packets. `onError` is called for each
 * packet that could not be sent, and why.
 */
export const createStatsd = (options: StatsdOptions & { onError: (error: Error) => void }): StatsdSink => {
  const { host, port, dialect = 'graphite', prefix, onError } = options
  const tagged = dialect === 'dogstatsd'
  const client = new StatsD({
    host,
    port,
    ...(prefix === undefined ? {} : { prefix: `${prefix}.` }),
    protocol: 'udp',
    // Set even for dogstatsd: hot-shots would otherwise read them, and more, from DD_* variables behind the settings' back.
    datadog: false,
    includeDataDogTags: false,
    originDetection: false,
    includeDatadogTelemetry: false,
    cacheDns: false,
    maxBufferSize: maxPacketBytes,
    bufferFlushInterval: flushIntervalMs,
    aggregation: { flushInterval: flushIntervalMs },
    errorHandler: onError,
    udpSocketOptions: { type: isIP(host) === 6 ? 'udp6' : 'udp4', lookup: cachedLookup() },
  })
  let closed: Promise<void> | undefined
  const guarded = (send: () => void) => {
    if (closed !== undefined) return
    try {
      send()
    } catch (error) {
      onError(error as Error)
    }
  }
  const tagsOf = (labels: LabelValues) => (tagged ? { ...labels } : undefined)
  return {
    counter: (name, value, labels) => {
      guarded(() => {
        client.increment(name, value, tagsOf(labels))
      })
    },
    timer: (name, durationMs, labels) => {
      guarded(() => {
        client.timing(name, toMicroseconds(durationMs), tagsOf(labels))
      })
    },
    gauge: (name, value, labels) => {
      guarded(() => {
        // To the original StatsD a sign means "change by", so a negative value needs a zero before it.
        if (value >= 0 || tagged) client.gauge(name, value, tagsOf(labels))
        else {
          client.gauge(name, 0)
          client.gaugeDelta(name, value)
        }
      })
    },
    histogram: (name, value, labels) => {
      guarded(() => {
        if (tagged) client.histogram(name, value, tagsOf(labels))
        else client.timing(name, value)
      })
    },
    close: () =>
      (closed ??= within(
        closeDeadlineMs,
        new Promise<void>((resolve) => {
          client.close((error) => {
            if (error !== undefined) onError(error)
            resolve()
          })
        }),
      )),
  }
}

/** Further digits would double the length of a line and say nothing. */
const toMicroseconds = (durationMs: number): number => Math.round(durationMs * 1_000) / 1_000
