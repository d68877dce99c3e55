import { formatHostPort } from '@armature/async/host-port'
import type { Clock } from '@armature/async/clock'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { isDirectHost } from '@armature/service/http-hosts'
import { openHttpServer } from '@armature/service/http-server'
import { commonMetrics } from '@armature/telemetry/common-metrics'
import { createLedger, type Ledger, type LedgerRow } from '@armature/telemetry/ledger'
import type { Telemetry } from '@armature/telemetry/telemetry'
import type { Config } from '../config.ts'
import type { Monitor } from '../rules/monitor.ts'
import type { Evaluation } from './evaluation.ts'
import { createGraphitePoints } from './graphite-points.ts'
import { renderGraphite } from './graphite-render.ts'
import { createOtlpReceiver, otlpPath } from './otlp-receiver.ts'
import { startPoll } from './poll.ts'
import { instancesOf, scrape, upSample } from './prometheus-scrape.ts'
import { sampleLimits, type Parsed } from './sample.ts'
import { createSampleTaker, type SampleTaker } from './take-samples.ts'
import { openTcpListener } from './tcp-listener.ts'

export interface CollectorOptions {
  readonly config: Config
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly monitor: Pick<Monitor, 'observe'>
  /** Takes StatsD lines. */
  readonly evaluation: Pick<Evaluation, 'lines' | 'tooLong'>
}

/** A way by which samples come. */
export interface Collector {
  /** Where it listens. Undefined where it asks. */
  readonly address?: { readonly label: string; readonly address: string }
  readonly ledger?: Ledger
  /** Takes nothing new. Safe to call twice. */
  stop(): Promise<void>
  /** Resolves when what it took is evaluated. */
  idle(): Promise<void>
}

/** The collectors that the settings name, apart from UDP and the topic of samples. */
export interface Collectors {
  readonly addresses: readonly { readonly label: string; readonly address: string }[]
  stop(): Promise<void>
  idle(): Promise<void>
  ledger(): readonly LedgerRow[]
}

/** Opens them all. Rejects with the error of the one that cannot be opened, and closes the others then. */
export const openCollectors = async (options: CollectorOptions): Promise<Collectors> => {
  const opened: Collector[] = []
  const { scrapeUrls, graphiteUrl, statsdTcpListenPort, otlpListenPort } = options.config
  const stop = async () => void (await Promise.all(opened.map((each) => each.stop())))
  try {
    if (statsdTcpListenPort !== undefined) opened.push(await openStatsdTcp(options, statsdTcpListenPort))
    if (otlpListenPort !== undefined) opened.push(await openOtlp(options, otlpListenPort))
    if (graphiteUrl !== undefined) opened.push(pollGraphite(options, graphiteUrl))
    if (scrapeUrls.length > 0) opened.push(scrapeAll(options, scrapeUrls))
  } catch (error) {
    await stop()
    throw error
  }
  return {
    addresses: opened.flatMap(({ address }) => address ?? []),
    stop,
    idle: async () => void (await Promise.all(opened.map((each) => each.idle()))),
    ledger: () => opened.flatMap(({ ledger }) => ledger?.snapshot() ?? []),
  }
}

const openStatsdTcp = async ({ config, telemetry, evaluation }: CollectorOptions, port: number): Promise<Collector> => {
  const { statsdListenHost: host, maxStatsdConnections: maxConnections } = config
  const listener = await openTcpListener({
    host,
    port,
    maxConnections,
    maxLineBytes: sampleLimits.maxLineBytes,
    onLines: (lines) => evaluation.lines(lines),
    onTooLong: () => evaluation.tooLong(),
    onRefused: () => countError(telemetry, 'too-many-connections'),
  })
  const address = { label: 'StatsD', address: `tcp ${formatHostPort(host, listener.port)}` }
  // What was read is in the queue of all StatsD lines.
  return { address, stop: () => listener.close(), idle: () => Promise.resolve() }
}

const openOtlp = async (options: CollectorOptions, port: number): Promise<Collector> => {
  const { config, telemetry } = options
  const { otlpListenHost: host, httpAllowedHosts, maxAnswerBytes: maxBodyBytes } = config
  const { ledger, taker } = booksOf(options, 'otlp')
  const underWay = new Set<Promise<void>>()
  const receive = createOtlpReceiver({ maxBodyBytes, take: (parsed) => taker.takeAll(parsed) })
  const server = await openHttpServer({
    host,
    port,
    answersTo: isDirectHost([host, ...httpAllowedHosts]),
    answer: async (request, response, url) => {
      const work = receive(request, response, url)
      underWay.add(work)
      await work.finally(() => underWay.delete(work))
    },
    onFault: (err) => telemetry.log.error({ err }, 'a request of OTLP failed'),
  })
  const address = { label: 'OTLP', address: `http://${formatHostPort(host, server.port)}${otlpPath}` }
  return {
    address,
    ledger,
    stop: async () => {
      await Promise.allSettled(underWay)
      await server.close()
    },
    idle: async () => void (await Promise.allSettled(underWay)),
  }
}

/** Each answer covers so many intervals: a point that comes late is in one of them. */
const intervalsAsked = 3
const leastAskedMs = 60_000

const pollGraphite = (options: CollectorOptions, url: string): Collector => {
  const { config, clock } = options
  if (config.graphiteTargets.length === 0)
    throw new ServiceError('there is a Graphite, and no target to ask it for', {
      exitCode: exitCodes.config,
      fix: 'Give --graphite-target (env GRAPHITE_TARGETS)',
    })
  const { graphiteTargets: targets, graphiteEveryMs: everyMs, collectTimeoutMs: timeoutMs, maxAnswerBytes } = config
  const { ledger, taker } = booksOf(options, 'graphite')
  const newPoints = createGraphitePoints(config.graphiteType)
  const ask = async (signal: AbortSignal) => {
    // Graphite is asked in whole seconds.
    const fromMs = Math.floor((clock.now() - Math.max(leastAskedMs, intervalsAsked * everyMs)) / 1000) * 1000
    return newPoints(await renderGraphite({ url, targets, fromMs, timeoutMs, maxAnswerBytes, signal }), fromMs)
  }
  const poll = startPoll({
    clock,
    everyMs,
    work: async (signal) => void (await collect(options, taker, 'graphite', () => ask(signal), signal)),
  })
  return { ledger, ...asCollector(poll) }
}

const scrapeAll = (options: CollectorOptions, urls: readonly string[]): Collector => {
  const { config, clock } = options
  const { scrapeEveryMs: everyMs, collectTimeoutMs: timeoutMs, maxAnswerBytes } = config
  const { ledger, taker } = booksOf(options, 'prometheus')
  const scrapeOne = async (url: string, instance: string, signal: AbortSignal) => {
    const bounds = { url, instance, timeoutMs, maxAnswerBytes, signal }
    const isUp = await collect(options, taker, 'prometheus', () => scrape(bounds), signal)
    if (!signal.aborted) await taker.takeAll({ samples: [upSample(instance, isUp)], refused: [] })
  }
  const polls = [...instancesOf(urls)].map(([url, instance]) =>
    asCollector(startPoll({ clock, everyMs, work: (signal) => scrapeOne(url, instance, signal) })),
  )
  return {
    ledger,
    stop: async () => void (await Promise.all(polls.map((poll) => poll.stop()))),
    idle: async () => void (await Promise.all(polls.map((poll) => poll.idle()))),
  }
}

const asCollector = (poll: ReturnType<typeof startPoll>): Pick<Collector, 'stop' | 'idle'> => ({
  stop: async () => {
    poll.stop()
    await poll.idle()
  },
  idle: () => poll.idle(),
})

/** Takes what is asked for. False = there was no answer: it is logged, counted, and asked for again the next time. */
const collect = async (
  { telemetry }: CollectorOptions,
  taker: SampleTaker,
  source: string,
  ask: () => Promise<Parsed>,
  signal: AbortSignal,
): Promise<boolean> => {
  try {
    await taker.takeAll(await ask())
    return true
  } catch (err) {
    if (signal.aborted) return false
    countError(telemetry, source)
    telemetry.log.warn({ err, source }, 'no samples could be read')
    return false
  }
}

const booksOf = ({ monitor, telemetry }: CollectorOptions, stage: string): { ledger: Ledger; taker: SampleTaker } => {
  const { log, metrics } = telemetry
  const taker: SampleTaker = createSampleTaker({ monitor, ledger: () => ledger, log })
  const ledger: Ledger = createLedger({ stage, inFlight: () => taker.inFlight, metrics })
  return { ledger, taker }
}

const countError = ({ metrics }: Telemetry, type: string): void =>
  metrics.count(commonMetrics.component_errors_total, 1, { component: 'alert-monitor', error_type: type })
