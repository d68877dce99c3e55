import { systemClock, type Clock } from '@armature/async/clock'
import { UnrecoverableError } from './errors.ts'
import { numberOption, wholeOption } from '@armature/async/option-checks'
import type { Middleware } from './ports.ts'
import { RedeliverError } from './redeliver-error.ts'

/** `closed`: all run. `open`: none runs, until the next probe. `half-open`: one runs, the probe. */
export type CircuitState = 'closed' | 'open' | 'half-open'

export interface CircuitBreakerOptions {
  /** Messages that fail one after the other, with no success between, until the circuit opens. Default 5. */
  readonly failures?: number
  /** A failure older than this counts no more. Default 60,000. */
  readonly windowMs?: number
  /** From the opening, and from a failed probe, to the next probe. Default 1,000. */
  readonly probeDelayMs?: number
  /** Deliveries that wait for the end of the outage; more are rejected with RedeliverError. Default 10,000. */
  readonly maxWaiting?: number
  /** Default: the machine's. */
  readonly clock?: Clock
  readonly onChange?: (state: CircuitState) => void
}

interface Waiting {
  /** Answers whether to run as the probe. */
  readonly resolve: (asProbe: boolean) => void
  readonly signal: AbortSignal
  readonly abort: () => void
}

/**
 * Tells an outage of what the handler depends on from a bad message, and holds the messages back meanwhile. When `failures` messages in
 * a row failed, the circuit opens: deliveries wait, unsettled, so that the broker holds back the rest; one at a time is tried, the
 * first at once when the wait is over, until one succeeds; then all go on. What fails during the outage is rejected with
 * RedeliverError, so that it comes again and dead-letter leaves it alone: nothing is lost and nothing is given up because of the
 * outage. A waiting delivery is rejected when its signal is aborted.
 *
 * Repeats of one message count as one failure, so that a single bad message never opens the circuit. An UnrecoverableError says nothing
 * about the dependency and is passed on. Put it inside of dead-letter and outside of retry. Each call of `circuitBreaker` is one circuit,
 * for all handlers that it is put around. Throws RangeError for options out of range.
 */
export const circuitBreaker = (options: CircuitBreakerOptions = {}): Middleware => {
  const { clock = systemClock(), onChange } = options
  const failures = wholeOption('failures', options.failures ?? 5, 1)
  const windowMs = numberOption('windowMs', options.windowMs ?? 60_000, 1)
  const probeDelayMs = numberOption('probeDelayMs', options.probeDelayMs ?? 1_000, 0)
  const maxWaiting = wholeOption('maxWaiting', options.maxWaiting ?? 10_000, 0)
  const recent = recentFailures(clock, windowMs)
  /** In order of arrival. */
  const waiting = new Set<Waiting>()
  let state: CircuitState = 'closed'
  let probing = false

  const change = (to: CircuitState) => {
    if (state === to) return
    state = to
    onChange?.(to)
  }

  const admit = (one: Waiting, asProbe: boolean) => {
    waiting.delete(one)
    one.signal.removeEventListener('abort', one.abort)
    one.resolve(asProbe)
  }

  /** The first that waits is the probe; where none does, the next that comes. */
  const probe = () => {
    change('half-open')
    const [first] = waiting
    probing = first !== undefined
    if (first !== undefined) admit(first, true)
  }

  const open = () => {
    probing = false
    change('open')
    clock.after(probeDelayMs, probe)
  }

  const close = () => {
    probing = false
    recent.clear()
    change('closed')
    for (const one of [...waiting]) admit(one, false)
  }

  const turn = (signal: AbortSignal): Promise<boolean> => {
    if (waiting.size >= maxWaiting) {
      throw new RedeliverError('outage', `${waiting.size} deliveries wait for the end of the outage already`)
    }
    return new Promise((resolve, reject) => {
      const abort = () => {
        waiting.delete(one)
        reject(signal.reason as Error)
      }
      const one: Waiting = { resolve, signal, abort }
      if (signal.aborted) return abort()
      waiting.add(one)
      signal.addEventListener('abort', abort, { once: true })
    })
  }

  const enter = (signal: AbortSignal): boolean | Promise<boolean> => {
    if (state === 'closed') return false
    if (state === 'open' || probing) return turn(signal)
    probing = true
    return true
  }

  /** The error to reject the delivery with. */
  const failed = (error: unknown, id: string, signal: AbortSignal, asProbe: boolean): unknown => {
    if (error instanceof UnrecoverableError || signal.aborted) {
      if (asProbe) probe()
      return error
    }
    if (asProbe) open()
    if (error instanceof RedeliverError) return error
    if (state === 'closed') {
      if (recent.add(id) < failures) return error
      open()
    }
    return new RedeliverError('outage', 'what the handler depends on is out of order', { cause: error })
  }

  return (next) => async (delivery) => {
    const { id, signal } = delivery
    const entry = enter(signal)
    const asProbe = typeof entry === 'boolean' ? entry : await entry
    try {
      await next(delivery)
    } catch (error) {
      throw failed(error, id, signal, asProbe)
    }
    if (asProbe) close()
    else if (state === 'closed') recent.clear()
  }
}

/** The messages that failed since the last success, each once, and not longer ago than `windowMs`. */
const recentFailures = (clock: Clock, windowMs: number) => {
  const failedMs = new Map<string, number>()
  return {
    /** Returns how many there are with this one. */
    add: (id: string): number => {
      const nowMs = clock.now()
      for (const [known, atMs] of failedMs) if (nowMs - atMs >= windowMs) failedMs.delete(known)
      failedMs.set(id, nowMs)
      return failedMs.size
    },
    clear: (): void => failedMs.clear(),
  }
}
