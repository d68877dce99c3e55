import type { Logger } from '@armature/telemetry/logger'
import { type After, type Attempt, afterOnTimer, attempt, type Deadline, deadlineIn } from './deadline.ts'
import { exitCodes } from './exit-codes.ts'
import { describeError, exitCodeOf } from './faults.ts'
import type { NotReady, Service } from './service.ts'

/** The time that `close` still gets after the drain overran its deadline. */
export const closeGraceMs = 1_000

export type Phase = 'starting' | 'ready' | 'draining' | 'closed'

export interface LifecycleOptions {
  /** For the whole drain, from the first request to `close`. */
  drainDeadlineMs: number
  log: Logger
  /** Called once `start` resolved and no stop was asked for. */
  onStarted?: () => void
  /** Makes a fault say what a reader can do about it, and which code to exit with. Default: as it is. */
  explained?: (fault: unknown) => unknown
  /** Default: the process's timers. */
  after?: After
}

export interface Outcome {
  /** 0 after a clean drain; 75 after an overrun; the code of the first fault otherwise; else what `Service.ended` gave. */
  readonly exitCode: number
  /** The step that was under way when the deadline passed; `start` where it did not settle when told to stop. */
  readonly overran?: string
  /** The first fault: of `start`, of a drain step, of `ended`, or given to `fail`. */
  readonly fault?: unknown
}

export interface Lifecycle {
  phase(): Phase
  /** Why readiness is to be denied: not started, draining, or what the service says. Empty = ready. */
  notReady(): readonly NotReady[]
  /** Asks for the drain. Asking again changes nothing. */
  stop(reason: string): void
  /** Reports a fault no one caught: drains, then 70. */
  fail(error: unknown): void
  /** Resolves when all is closed, within `drainDeadlineMs` + `closeGraceMs` of the request. Never rejects. */
  readonly done: Promise<Outcome>
}

/**
 * Starts the service and sees it through to its end. The drain has one order under one deadline: not ready -> deregister ->
 * stop intake -> finish in flight -> flush -> close. A step that rejects is a fault, and the next one follows; a step that
 * hangs is named, the steps after it are left out, and `close` is still called.
 */
export const startLifecycle = (service: Service, options: LifecycleOptions): Lifecycle => {
  const { drainDeadlineMs, log, after = afterOnTimer, explained = (fault) => fault } = options
  const stopping = new AbortController()
  const stopRequested = Promise.withResolvers<undefined>()
  const faults: { readonly fault: unknown; readonly exitCode: number }[] = []
  let phase: Phase = 'starting'

  const stop = (reason: string): void => {
    if (stopping.signal.aborted || phase === 'closed') return
    log.info({ reason }, 'draining')
    stopRequested.resolve(undefined)
    stopping.abort()
  }
  const faulted = (cause: unknown, doing: string, code?: number): void => {
    const fault = explained(cause)
    faults.push({ fault, exitCode: code ?? exitCodeOf(fault) })
    log.error({ err: fault }, `${doing}: ${describeError(fault)}`)
  }

  const drive = async (): Promise<Outcome> => {
    const starting = attempt(() => service.start(stopping.signal))
    let started: Attempt | undefined = await Promise.race([starting, stopRequested.promise])
    let ended = exitCodes.ok as number
    if (started?.ok && !stopping.signal.aborted) {
      phase = 'ready'
      const told = await attempt(() => options.onStarted?.())
      if (told.ok) ended = await untilEnded()
      else faulted(told.error, 'started')
    } else if (started?.ok === false && !stopping.signal.aborted) {
      faulted(started.error, 'cannot start')
    }
    phase = 'draining'
    const deadline = deadlineIn(drainDeadlineMs, after)
    started ??= await deadline.within(starting)
    if (started === undefined) hung('start')
    const overran = started === undefined ? 'start' : started.ok ? await drain(deadline) : undefined
    const closed = await close(deadline)
    deadline.cancel()
    phase = 'closed'
    return outcomeOf(faults[0], overran ?? closed, ended)
  }

  /** The code of `ended`, or 0 when a stop came first. */
  const untilEnded = async (): Promise<number> => {
    const ended = service.ended?.catch((error: unknown) => {
      faulted(error, 'ended')
      return exitCodes.ok
    })
    const code = await Promise.race([stopRequested.promise, ...(ended === undefined ? [] : [ended])])
    if (code !== undefined) stop('nothing more to do')
    return code ?? exitCodes.ok
  }

  const hung = (step: string): void =>
    log.error({ step, drainDeadlineMs }, `drain overran ${drainDeadlineMs} ms in step: ${step}`)

  /** The step that hung, if one did. */
  const drain = async (deadline: Deadline): Promise<string | undefined> => {
    for (const [name, step] of drainSteps(service)) {
      const done = await deadline.within(attempt(step))
      if (done === undefined) {
        hung(name)
        return name
      }
      if (!done.ok) faulted(done.error, name)
    }
    return undefined
  }

  const close = async (deadline: Deadline): Promise<string | undefined> => {
    const grace = deadline.passed ? deadlineIn(closeGraceMs, after) : deadline
    const done = await grace.within(attempt(() => service.close()))
    grace.cancel()
    if (done === undefined) {
      log.error({ step: 'close' }, 'close did not settle')
      return 'close'
    }
    if (!done.ok) faulted(done.error, 'close')
    return undefined
  }

  return {
    phase: () => phase,
    notReady: () => notReadyOf(service, stopping.signal.aborted ? 'draining' : phase),
    stop,
    fail: (error) => {
      faulted(error, 'uncaught', exitCodes.software)
      stop('uncaught fault')
    },
    done: drive(),
  }
}

const notReadyOf = (service: Service, phase: Phase): readonly NotReady[] => {
  if (phase === 'draining' || phase === 'closed') return [{ check: 'shutdown', reason: 'draining' }]
  if (phase === 'starting') return [{ check: 'startup', reason: 'start has not finished' }]
  try {
    return service.notReady?.() ?? []
  } catch (error) {
    return [{ check: 'readiness', reason: describeError(error) }]
  }
}

/** The steps of the drain that a service has, in their order. */
const drainSteps = (service: Service): readonly (readonly [string, () => Promise<void>])[] =>
  Object.entries({
    deregister: service.deregister?.bind(service),
    'stop intake': service.stopIntake?.bind(service),
    'finish in flight': service.finish?.bind(service),
    flush: service.flush?.bind(service),
  }).flatMap(([name, step]) => (step === undefined ? [] : [[name, step] as const]))

const outcomeOf = (
  first: Pick<Outcome, 'exitCode' | 'fault'> | undefined,
  overran: string | undefined,
  ended: number,
): Outcome => {
  if (first !== undefined) return { ...first, ...(overran === undefined ? {} : { overran }) }
  return overran === undefined ? { exitCode: ended } : { exitCode: exitCodes.temporary, overran }
}
