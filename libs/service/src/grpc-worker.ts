import cluster from 'node:cluster'
import type { CommonConfig } from '@armature/config/common'
import type { LedgerRow } from '@armature/telemetry/ledger'
import type { Family } from '@armature/telemetry/series'
import type { Telemetry } from '@armature/telemetry/telemetry'
import { exitCodes, stopSignals } from './exit-codes.ts'
import { describeError } from './faults.ts'
import { startLifecycle } from './lifecycle.ts'
import type { NotReady, Service } from './service.ts'

/** A message of a worker to the process that started it. */
export type FromWorker =
  { readonly kind: 'fault'; readonly message: string } | ({ readonly kind: 'state' } & WorkerState)

export interface WorkerState {
  /** It serves, whether or not what it needs is there. */
  readonly serves: boolean
  readonly notReady: readonly NotReady[]
  readonly ledger: readonly LedgerRow[]
  readonly metrics: readonly Family[]
}

/** A message to a worker. */
export type ToWorker<Config> =
  | { readonly kind: 'start'; readonly config: Config }
  /** Hot settings changed, of these keys. */
  | { readonly kind: 'reconfigure'; readonly config: Config; readonly keys: readonly string[] }
  | { readonly kind: 'stop' }

/** The time between two states of a worker. */
export const stateIntervalMs = 500

export interface WorkerConfig {
  readonly logLevel: CommonConfig['logLevel']
  readonly drainDeadlineMs: number
}

type WorkerService = Service & { readonly telemetry: Telemetry }

/**
 * All of a process that `workerPool` started: gets its settings from there, serves until it is told to stop, and exits with what its
 * lifecycle gives. It has no admin HTTP server: it tells its state instead. A terminal's Ctrl-C reaches it too and means nothing:
 * the process that started it says when to stop, or stops by being gone.
 */
export const runWorker = async <Config extends WorkerConfig>(
  service: (config: Config) => WorkerService,
): Promise<void> => {
  for (const signal of stopSignals) process.on(signal, () => undefined)
  const started = Promise.withResolvers<Config>()
  let stop = (): void => process.exit(exitCodes.ok)
  let reconfigure = (_config: Config, _keys: readonly string[]): void => undefined
  process.on('message', (message: ToWorker<Config>) => {
    if (message.kind === 'start') started.resolve(message.config)
    else if (message.kind === 'reconfigure') reconfigure(message.config, message.keys)
    else stop()
  })
  let gone = false
  process.once('disconnect', () => {
    gone = true
    stop()
  })
  const tell = (message: FromWorker): void => {
    // One that cannot be told is gone: `disconnect` says so.
    if (!gone) process.send?.(message, undefined, undefined, () => undefined)
  }

  const config = await started.promise
  const running = service(config)
  const { log, metrics, close } = running.telemetry
  await running.telemetry.ready
  const lifecycle = startLifecycle(running, { drainDeadlineMs: config.drainDeadlineMs, log })
  stop = () => lifecycle.stop('stop')
  reconfigure = (changed, keys) => {
    log.level = changed.logLevel
    running.reconfigure?.(changed as unknown as Readonly<Record<string, unknown>>, keys)
  }
  process.on('uncaughtException', (error) => lifecycle.fail(error))
  const tellState = (): void => {
    const serves = lifecycle.phase() === 'ready'
    const [notReady, ledger] = [lifecycle.notReady(), running.ledger()]
    tell({ kind: 'state', serves, notReady, ledger, metrics: metrics.collect() })
  }
  const timer = setInterval(tellState, stateIntervalMs)
  const { exitCode, fault } = await lifecycle.done
  clearInterval(timer)
  await close()
  if (fault !== undefined) tell({ kind: 'fault', message: describeError(fault) })
  tellState()
  process.exitCode = exitCode
  if (cluster.worker?.isConnected() === true) cluster.worker.disconnect()
  else process.exit()
}
