import cluster, { type Worker } from 'node:cluster'
import { backoffMs } from '@armature/async/backoff'
import type { LedgerRow } from '@armature/telemetry/ledger'
import { prometheusText } from '@armature/telemetry/prometheus'
import type { Telemetry } from '@armature/telemetry/telemetry'
import { type After, afterOnTimer } from './deadline.ts'
import { exitCodes } from './exit-codes.ts'
import { ServiceError } from './faults.ts'
import { addressOf, listen } from './grpc-listener.ts'
import { closedBooks, metricsByWorker, sumOfBooks } from './grpc-worker-books.ts'
import { stateIntervalMs, type FromWorker, type ToWorker, type WorkerConfig, type WorkerState } from './grpc-worker.ts'
import { serviceMetrics } from './service-metrics.ts'
import type { NotReady, Service } from './service.ts'

export interface WorkerPoolOptions<Config> {
  name: string
  /** Given to each worker, with the port that all share. */
  config: Config
  workers: number
  telemetry: Telemetry
  waitsFor: string
  /** Default: the process's timers. */
  after?: After
}

interface PoolConfig extends WorkerConfig {
  readonly grpcHost: string
  readonly grpcPort: number
}

/** Crashes within `crashWindowMs` that are answered by a new worker; one more ends the service. */
export const maxCrashes = 5
const crashWindowMs = 60_000
/** The upper end of the wait before a worker that crashed is replaced: after the first crash in the window, and in the end. */
const restartDelayMs = 100
const longestRestartDelayMs = 2_000

/** A worker that says nothing for so long makes the service not ready. It should every `stateIntervalMs`. */
export const silentAfterMs = 2_000
/** One that says nothing for so long is killed and replaced: its calls break off in time to be tried elsewhere within 10 s. */
export const replacedAfterMs = 6_000
/** For the first word of a new worker, which loads the program before it. */
const firstWordAfterMs = 60_000

interface Member {
  readonly id: number
  readonly worker: Worker
  state: WorkerState | undefined
  fault: string | undefined
  /** Since its last word, in steps of `stateIntervalMs` that this process saw: its own pauses do not count. */
  silentMs: number
}

/**
 * A service of several processes on one port: each worker runs this program again (`runWorker` in its main.ts) and serves what
 * connections it is dealt, in turn. Ready while a worker is and none is silent. A worker that crashes is replaced, up to a bound, and so is one
 * that does not answer. A stop drains all of them. Metrics have the label `worker`, books are summed.
 *
 * By node:cluster rather than SO_REUSEPORT: gRPC's connections are few and long, so they are to be dealt out evenly and not by a hash; a
 * worker that leaves takes no connection with it that the kernel had queued for it; and it works on every system.
 */
export const workerPool = <Config extends PoolConfig>(options: WorkerPoolOptions<Config>): Service => {
  const { name, config, workers: count, telemetry, after = afterOnTimer } = options
  const { log } = telemetry
  const members = new Map<number, Member>()
  const ended = Promise.withResolvers<number>()
  ended.promise.catch(() => undefined)
  const empty = new Set<() => void>()
  const badEnds: number[] = []
  let retired: readonly LedgerRow[] = []
  let [started, stopping, nextId, port] = [false, false, 1, 0]
  let current = config
  const crashes = recentCrashes()
  const cancelRestarts: (() => void)[] = []
  let cancelWatch = (): void => undefined

  const launch = (): Promise<void> => {
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>()
    const member = fork(nextId, resolve)
    nextId += 1
    members.set(member.id, member)
    const { worker } = member
    const start: ToWorker<Config> = { kind: 'start', config: { ...current, grpcPort: port } }
    worker.send(start)
    worker.once('exit', (code: number | null, signal: string | null) => {
      members.delete(member.id)
      retired = sumOfBooks([...retired, ...closedBooks(member.state?.ledger ?? [])])
      const how = member.fault ?? (signal === null ? `code ${code}` : signal)
      if (stopping && (code ?? 1) !== 0) badEnds.push(code ?? exitCodes.software)
      reject(new ServiceError(`a worker did not start: ${how}`, { exitCode: code || exitCodes.software }))
      if (started && !stopping) crashed(member.id, how)
      if (members.size === 0) for (const resolveEmpty of empty) resolveEmpty()
    })
    return ready
  }

  const crashed = (id: number, how: string): void => {
    const count = crashes.add()
    log.error({ worker: id, how, crashes: count }, 'a worker crashed')
    telemetry.metrics.count(serviceMetrics.worker_crashes_total)
    if (count > maxCrashes) {
      const message = `workers crashed ${count} times in ${crashWindowMs / 1000} s, the last by ${how}`
      ended.reject(new ServiceError(message, { exitCode: exitCodes.software, fix: 'The log says why' }))
      return
    }
    const delayMs = backoffMs(restartDelayMs, longestRestartDelayMs, count)
    // One that does not start counts as the next crash, by its exit.
    cancelRestarts.push(after(delayMs, () => void (!stopping && launch().catch(() => undefined))))
  }

  const exitsOfAll = (): Promise<void> =>
    members.size === 0 ? Promise.resolve() : new Promise((resolve) => empty.add(resolve))
  const stopAll = (): void => {
    stopping = true
    for (const cancel of cancelRestarts.splice(0)) cancel()
    const stop: ToWorker<Config> = { kind: 'stop' }
    for (const { worker } of members.values()) if (worker.isConnected()) worker.send(stop)
  }

  return {
    name,
    telemetry: withWorkers(telemetry, members),
    ended: ended.promise,
    start: async (asked) => {
      cluster.setupPrimary({ serialization: 'advanced' })
      port = await freePort(config)
      cancelWatch = watchMembers(members, after)
      const launched = Promise.all(Array.from({ length: count }, launch))
      asked?.addEventListener('abort', stopAll, { once: true })
      await launched
      // From now on the drain decides: others are told first that this service leaves.
      asked?.removeEventListener('abort', stopAll)
      started = true
    },
    notReady: () => notReady(members),
    reconfigure: (changed, keys) => {
      current = { ...config, ...changed }
      const message: ToWorker<Config> = { kind: 'reconfigure', config: current, keys }
      for (const { worker } of members.values()) if (worker.isConnected()) worker.send(message)
    },
    stopIntake: async () => stopAll(),
    finish: async () => {
      await exitsOfAll()
      const [exitCode] = badEnds
      if (exitCode !== undefined) throw new ServiceError('a worker did not end clean', { exitCode })
    },
    close: async () => {
      stopAll()
      for (const { worker } of members.values()) worker.process.kill('SIGKILL')
      await exitsOfAll()
      cancelWatch()
    },
    ledger: () => sumOfBooks([...retired, ...statesOf(members).flatMap(({ ledger }) => ledger)]),
    addresses: () => [{ label: 'gRPC', address: addressOf(config.grpcHost, port) }],
    waitsFor: `${options.waitsFor} (${count} workers)`,
  }
}

/** A new worker, which keeps what it says last. Calls `onServes` when it serves. */
const fork = (id: number, onServes: () => void): Member => {
  const worker = cluster.fork()
  const member: Member = { id, worker, state: undefined, fault: undefined, silentMs: 0 }
  closeWhatIsHandedOver(worker)
  worker.on('error', () => undefined)
  worker.on('message', (message: FromWorker) => {
    member.silentMs = 0
    if (message.kind === 'fault') member.fault = message.message
    else member.state = message
    if (message.kind === 'state' && message.serves) onServes()
  })
  return member
}

/** Returns how many crashes there were within the window, this one included. */
const recentCrashes = () => {
  let crashedAtMs: readonly number[] = []
  return {
    add: (): number => {
      const nowMs = performance.now()
      crashedAtMs = [...crashedAtMs.filter((atMs) => nowMs - atMs < crashWindowMs), nowMs]
      return crashedAtMs.length
    },
  }
}

/** A worker that hangs keeps its connections, and would keep its place for ever: it is killed. Returns how to end the watch. */
const watchMembers = (members: ReadonlyMap<number, Member>, after: After): (() => void) => {
  const look = (): void => {
    for (const member of members.values()) {
      member.silentMs += stateIntervalMs
      if (member.silentMs < (member.state === undefined ? firstWordAfterMs : replacedAfterMs)) continue
      member.fault ??= `no answer for ${member.silentMs / 1000} s`
      member.worker.process.kill('SIGKILL')
    }
    cancel = after(stateIntervalMs, look)
  }
  let cancel = after(stateIntervalMs, look)
  return () => cancel()
}

const statesOf = (members: ReadonlyMap<number, Member>): readonly WorkerState[] =>
  [...members.values()].flatMap(({ state }) => (state === undefined ? [] : [state]))

/** The metrics of this process and of its workers, told apart by the label `worker`. */
const withWorkers = (telemetry: Telemetry, members: ReadonlyMap<number, Member>): Telemetry => {
  const { metrics } = telemetry
  const byWorker = () => new Map([...members.values()].map(({ id, state }) => [id, state?.metrics ?? []]))
  const expose = () => prometheusText(metricsByWorker(metrics.collect(), byWorker()))
  return { ...telemetry, metrics: { ...metrics, expose } }
}

const notReady = (members: ReadonlyMap<number, Member>): readonly NotReady[] => {
  const silent = [...members.values()].find(({ state, silentMs }) => state?.serves && silentMs >= silentAfterMs)
  if (silent !== undefined) {
    return [{ check: 'workers', reason: `worker ${silent.id} has not answered for ${silent.silentMs / 1000} s` }]
  }
  const known = statesOf(members)
  if (known.some(({ serves, notReady }) => serves && notReady.length === 0)) return []
  const reasons = known.flatMap(({ notReady }) => notReady)
  return reasons.length > 0 ? reasons.slice(0, 1) : [{ check: 'workers', reason: 'no worker serves' }]
}

/**
 * Closes the connection that a worker was being handed when it died, if any: node:cluster of Node 24 forgets it, and its client would wait for
 * ever. There is one at most, since the next is handed over when the one before was taken.
 */
const closeWhatIsHandedOver = (worker: Worker): void => {
  const child = worker.process as {
    send: (message: unknown, handle?: { close(): void }, ...more: unknown[]) => boolean
  }
  const send = child.send.bind(child)
  let handed: { close(): void } | undefined
  child.send = (message, handle, ...more) => {
    handed = handle ?? handed
    return send(message, handle, ...more)
  }
  // A connection that was taken is closed already: this is another reference to it.
  worker.once('exit', () => handed?.close())
}

/** The port of the setting, or any free one: workers share a port only if it is a certain one. Rejects with the error of `listen`. */
const freePort = async ({ grpcHost: host, grpcPort }: PoolConfig): Promise<number> => {
  const probe = await listen({ host, port: grpcPort, maxConnections: 1, onRefused: () => undefined }, () => undefined)
  await probe.close()
  return probe.port
}
