import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import type { Service } from '@armature/service/service'
import { exposeTogether } from '@armature/telemetry/metrics'
import { createTelemetry, type Telemetry } from '@armature/telemetry/telemetry'
import { type City, bigCities } from './cities.ts'
import type { Config } from './config.ts'
import { openPage, type Page } from './page.ts'
import { embeddedEdges, openPlatform, type Platform, type PlatformEdges } from './platform.ts'
import { type Provable, prove } from './prove.ts'
import { statusOf } from './status.ts'

const name = 'all-in-one'
const maxAlertsShown = 20
const proofFailed = 1

export interface Edges extends PlatformEdges {
  readonly telemetry: Telemetry
  /** The cities that a proof searches for. */
  readonly cities: () => Promise<readonly City[]>
  /** Prints a line of the proof. */
  readonly print: (line: string) => void
  /** How far a proof is, for people; nothing where nobody watches. */
  readonly progress?: ((done: number, of: number) => void) | undefined
  /** How long a proof's books may take to settle after the last call. Default: a minute. */
  readonly settleDeadlineMs?: number
}

/** A process of its own: prints to standard output, logs to standard error. */
export const realEdges = (config: Config): Edges => ({
  ...embeddedEdges(),
  telemetry: createTelemetry({ service: name, config: { ...config, statsdPort: 0 }, destination: process.stderr }),
  cities: bigCities,
  print: (line) => void process.stdout.write(`${line}\n`),
  progress: process.stderr.isTTY ? showProgress : undefined,
})

export interface AllInOne extends Service {
  /** Throws before `start` resolved. */
  platform(): Platform
}

/** The whole platform in one process, with a status page; with `prove`, a bounded job that ends it. */
export const allInOne = (config: Config, edges: Edges): AllInOne => {
  const ended = Promise.withResolvers<number>()
  const stopping = new AbortController()
  let platform: Platform | undefined
  let page: Page | undefined
  let proof: 'none' | 'running' | 'done' = 'none'

  const runProof = async (provable: Provable) => {
    proof = 'running'
    const { print, progress, settleDeadlineMs } = edges
    const cities = await edges.cities()
    const { signal } = stopping
    const holds = await prove(provable, { cities, print, progress, settleDeadlineMs, signal })
    proof = 'done'
    ended.resolve(holds ? exitCodes.ok : proofFailed)
  }

  return {
    name,
    telemetry: withAllMetrics(edges.telemetry, () => platform),
    ended: ended.promise,
    start: async () => {
      const opened = await openPlatform(config, edges)
      platform = opened
      for (const service of opened.services) service.ended?.then(stoppedEarly(service), ended.reject)
      page = await openPage({
        port: config.pagePort,
        status: statusOf({
          services: () => opened.services,
          alerts: () => opened.reactor.handled().slice(0, maxAlertsShown),
        }),
        search: async (lat, lng) => (await opened.client.search({ point: { lat, lng } })).results,
        onFault: (err) => edges.telemetry.log.error({ err }, 'the page could not answer'),
      })
      if (config.prove) runProof(provableOf(opened)).catch((fault) => !stopping.signal.aborted && ended.reject(fault))
    },
    notReady: () =>
      platform?.services.flatMap((service) =>
        (service.notReady?.() ?? []).map(({ check, reason }) => ({ check: `${service.name}/${check}`, reason })),
      ) ?? [],
    deregister: async () => platform?.search.deregister?.(),
    stopIntake: async () => {
      stopping.abort()
      await page?.close()
      await platform?.search.stopIntake?.()
    },
    finish: async () => {
      if (platform === undefined) return
      const [search, ...downstream] = platform.services
      if (search !== undefined) await finished(search)
      platform.endLog()
      for (const service of downstream) await finished(service)
    },
    flush: async () => {
      if (proof !== 'running') return
      const message = 'the proof was stopped before its verdict'
      throw new ServiceError(message, { exitCode: exitCodes.temporary, fix: 'Run it again' })
    },
    close: async () => {
      await page?.close()
      await platform?.close()
    },
    ledger: () => platform?.services.flatMap((service) => service.ledger()) ?? [],
    addresses: () => [
      ...(platform?.search.addresses?.() ?? []),
      ...(page === undefined ? [] : [{ label: 'page', address: `http://127.0.0.1:${page.port}` }]),
    ],
    platform: () => {
      if (platform === undefined) throw new Error('the platform is known once start() has resolved')
      return platform
    },
  }

  /** Only the reactor's handlers may end by themselves, and they have no count here. */
  function stoppedEarly({ name: service }: Service) {
    return () => {
      if (!stopping.signal.aborted) ended.reject(new ServiceError(`${service} ended by itself`))
    }
  }
}

/** The rest of one service's drain. */
const finished = async (service: Service): Promise<void> => {
  await service.stopIntake?.()
  await service.finish?.()
  await service.flush?.()
}

const provableOf = (platform: Platform): Provable => ({
  searchPoint: async ({ lat, lng }, requestId) => {
    const { results } = await platform.client.search({ point: { lat, lng } }, { requestId })
    return results[0]?.code ?? ''
  },
  stallNextRead: platform.stallNextRead,
  ledger: () => platform.services.flatMap((service) => service.ledger()),
  stored: async (requestIds) => {
    const stored = platform.aggregator.stored()
    return { missing: await stored.missing('requestId', requestIds), rows: await stored.count() }
  },
  handledAlerts: () => platform.reactor.handled(),
  droppedLogWrites: platform.droppedLogWrites,
})

/** /metrics shows the five services too. */
const withAllMetrics = (own: Telemetry, platform: () => Platform | undefined): Telemetry => ({
  ...own,
  metrics: {
    ...own.metrics,
    expose: () => exposeTogether([own.metrics, ...(platform()?.telemetries ?? []).map(({ metrics }) => metrics)]),
  },
})

function showProgress(done: number, of: number): void {
  if (done % 50 === 0 || done === of)
    process.stderr.write(`\r${done} of ${of} cities searched${done === of ? '\n' : ''}`)
}
