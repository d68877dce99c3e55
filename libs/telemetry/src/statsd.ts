import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { isIP } from 'node:net'
import StatsD from 'hot-shots'
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

/** Where recordings go as StatsD lines. Calls never throw and never wait. */
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
 * A StatsD client over UDP. Counters and gauges are combined over 200 ms, lines share packets. `onError` is told of each
 * packet that could not be sent, and why.
 */
export const openStatsd = (options: StatsdOptions & { onError: (error: Error) => void }): StatsdSink => {
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
  const tagsOf = (labels: LabelValues) => (tagged ? { ...labels } : {})
  return {
    counter: (name, value, labels) => {
      guarded(() => {
        client.increment(name, value, tagsOf(labels))
      })
    },
    timer: (name, durationMs, labels) => {
      guarded(() => {
        client.timing(name, durationMs, tagsOf(labels))
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
      (closed ??= new Promise((resolve) => {
        const timer = setTimeout(resolve, closeDeadlineMs)
        client.close((error) => {
          clearTimeout(timer)
          if (error !== undefined) onError(error)
          resolve()
        })
      })),
  }
}

const dnsTtlMs = 60_000
const dnsRetryMs = 5_000

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string, family: number) => void

/**
 * A lookup for one socket that never piles up: one query at a time, its answer kept for a minute and a failure for 5 s; a
 * packet that comes meanwhile fails at once (or goes to the last address known).
 */
const cachedLookup = () => {
  let known: LookupAddress | undefined
  let nextQueryMs = 0
  let querying = false
  return (host: string, options: unknown, done: LookupCallback): void => {
    const version = isIP(host)
    if (version !== 0) {
      done(null, host, version)
      return
    }
    const family = options === 6 ? 6 : 4
    if (!querying && performance.now() >= nextQueryMs) {
      querying = true
      systemLookup(host, { family }, (error, address, found) => {
        querying = false
        nextQueryMs = performance.now() + (error === null ? dnsTtlMs : dnsRetryMs)
        if (error === null) known = { address, family: found }
        if (known === undefined) done(error, '', family)
        else done(null, known.address, known.family)
      })
    } else if (known === undefined) {
      done(Object.assign(new Error(`the address of ${host} is not known yet`), { code: 'ENOTFOUND' }), '', family)
    } else done(null, known.address, known.family)
  }
}
