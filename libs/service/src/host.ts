import type { Writable } from 'node:stream'
import type { CommonConfig } from '@armature/config/common'
import { watchEventLoopDelay } from '@armature/telemetry/event-loop-delay'
import type { Telemetry } from '@armature/telemetry/telemetry'
import { type AdminServer, openAdmin, type Route } from './admin-http.ts'
import { afterOnTimer, attempt, deadlineIn } from './deadline.ts'
import { exitCodes } from './exit-codes.ts'
import { type Lifecycle, type Outcome, startLifecycle } from './lifecycle.ts'
import { type Registered, registered } from './registered.ts'
import type { NotReady, Service } from './service.ts'

/** The longest time for the last log lines, metrics and spans to be sent. */
const telemetryGraceMs = 3_000

export interface HostOptions {
  config: Pick<CommonConfig, 'httpHost' | 'httpPort' | 'httpAllowedHosts' | 'drainDeadlineMs'> & {
    /** Registries ask for the admin server by it. */
    readonly advertiseHost?: string | undefined
  }
  telemetry: Telemetry
  /** Aborted when the process is asked to stop; the reason is what asked, such as a signal's name. */
  stopping: AbortSignal
  /** The stream on which the addresses and what the service waits for are printed, once it is ready. */
  announce: Writable
  /** Makes a fault say what a reader can do about it. */
  explained?: (fault: unknown) => unknown
  /** More paths of the admin HTTP server. */
  routes?: Readonly<Record<string, Route>>
  /** Tells others where the admin server is. */
  register?: (admin: Pick<AdminServer, 'host' | 'port'>) => Promise<Registered> | undefined
}

/**
 * Runs one service with its admin HTTP server until it ends or `stopping` is aborted. Resolves when all is closed, telemetry
 * last. A fault no one caught drains the service. Rejects when the admin port cannot be had: nothing was started then.
 */
export const hostService = async (service: Service, options: HostOptions): Promise<Outcome> => {
  const { config, telemetry, stopping, announce, routes, register, explained = (fault) => fault } = options
  const { log, metrics } = telemetry
  const running: { lifecycle?: Lifecycle } = {}
  const notReady = (): readonly NotReady[] =>
    running.lifecycle?.notReady() ?? [{ check: 'startup', reason: 'start has not begun' }]
  const closeTelemetry = () => settleWithin(telemetryGraceMs, () => telemetry.close())

  const admin = await openAdmin({
    host: config.httpHost,
    port: config.httpPort,
    notReady,
    checks: () => (running.lifecycle?.phase() === 'ready' ? (service.checks ?? []) : []),
    expose: () => metrics.expose(),
    allowedHosts: [...config.httpAllowedHosts, ...(config.advertiseHost === undefined ? [] : [config.advertiseHost])],
    onFault: (err) => log.error({ err }, 'the admin server could not answer'),
    ...(routes === undefined ? {} : { routes }),
    ...(service.actions && { actions: service.actions }),
  }).catch(async (error: unknown) => {
    await closeTelemetry()
    throw error
  })
  await telemetry.ready

  const onStarted = (): void => {
    const addresses = [...(service.addresses?.() ?? []), { label: 'admin', address: admin.url }]
    for (const { label, address } of addresses) announce.write(`${label.padEnd(5)} ${address}\n`)
    if (service.waitsFor !== undefined) announce.write(`${service.waitsFor}\n`)
    log.info({ addresses, waitsFor: service.waitsFor }, 'ready')
  }
  if (stopping.aborted) {
    await admin.close()
    await closeTelemetry()
    return { exitCode: exitCodes.ok }
  }
  const driven = register === undefined ? service : registered(service, () => register(admin))
  const lifecycle = startLifecycle(driven, { drainDeadlineMs: config.drainDeadlineMs, log, onStarted, explained })
  running.lifecycle = lifecycle
  const endLoopDelay = watchEventLoopDelay({ metrics })
  const onStop = (): void => lifecycle.stop(String(stopping.reason))
  const onUncaught = (error: unknown): void => lifecycle.fail(error)
  stopping.addEventListener('abort', onStop)
  process.on('uncaughtException', onUncaught)
  try {
    return await lifecycle.done
  } finally {
    stopping.removeEventListener('abort', onStop)
    endLoopDelay()
    await admin.close()
    await closeTelemetry()
    process.off('uncaughtException', onUncaught)
  }
}

const settleWithin = async (limitMs: number, step: () => Promise<void>): Promise<void> => {
  const deadline = deadlineIn(limitMs, afterOnTimer)
  await deadline.within(attempt(step))
  deadline.cancel()
}
