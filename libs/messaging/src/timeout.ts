import { systemClock, type Clock } from '@armature/async/clock'
import { numberOption } from '@armature/async/option-checks'
import { withLease } from './delivery-notes.ts'
import { isLeased, Lease, onLost } from './lease.ts'
import type { Delivery, Handler, Middleware } from './ports.ts'

/** Something took longer than it may. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError'
  readonly limitMs: number

  constructor(what: string, limitMs: number) {
    super(`${what} took longer than ${limitMs} ms`)
    this.limitMs = limitMs
  }
}

export interface TimeoutOptions {
  readonly limitMs: number
  readonly clock: Clock
  /** For the error: `the handler`. */
  readonly what: string
  /** Its abort is passed on to `fn`. */
  readonly parent?: AbortSignal
}

/**
 * Resolves or rejects as `fn` does, or rejects with TimeoutError after `limitMs`. The signal of `fn` is then aborted. Whatever it does
 * later has no effect.
 */
export const withTimeout = <T>(options: TimeoutOptions, fn: (signal: AbortSignal) => Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const { limitMs, clock, what, parent } = options
    const controller = new AbortController()
    const passOn = () => controller.abort(parent?.reason)
    if (parent?.aborted === true) passOn()
    const cancel = clock.after(limitMs, () => {
      parent?.removeEventListener('abort', passOn)
      const error = new TimeoutError(what, limitMs)
      reject(error)
      controller.abort(error)
    })
    const end = () => {
      cancel()
      parent?.removeEventListener('abort', passOn)
    }
    parent?.addEventListener('abort', passOn, { once: true })
    const run = async () => fn(controller.signal)
    run().then(
      (value) => {
        end()
        resolve(value)
      },
      (error: unknown) => {
        end()
        reject(error)
      },
    )
  })

/**
 * Rejects with TimeoutError when the handler has not settled after `limitMs`: the message is then free to be retried, dead-lettered or
 * returned. The handler sees the abort of `delivery.signal`; what it does later has no effect on the message. Throws RangeError
 * unless `limitMs` is a finite number above 0.
 */
export const timeout = (limitMs: number, { clock = systemClock() }: { readonly clock?: Clock } = {}): Middleware => {
  numberOption('limitMs', limitMs, Number.MIN_VALUE)
  return (next) => (delivery) => {
    const what = `the handler of ${delivery.topic}`
    if (isLeased(delivery)) return withinLease({ limitMs, clock, what }, delivery, next)
    const options = { limitMs, clock, what, parent: delivery.signal }
    return withTimeout(options, (signal) => next({ ...delivery, signal }))
  }
}

/** As `withTimeout`, with signals that are made only where a handler asks for its own. */
const withinLease = ({ limitMs, clock, what }: TimeoutOptions, delivery: Delivery, next: Handler): Promise<void> =>
  new Promise((resolve, reject) => {
    const lease = new Lease()
    let isOver = false
    const cancel = clock.after(limitMs, () => {
      isOver = true
      const error = new TimeoutError(what, limitMs)
      reject(error)
      lease.lose(error)
    })
    onLost(delivery, () => {
      if (!isOver) lease.lose()
    })
    const end = () => {
      isOver = true
      cancel()
    }
    const run = async () => next(withLease(delivery, lease))
    run().then(
      () => {
        end()
        resolve()
      },
      (error: unknown) => {
        end()
        reject(error)
      },
    )
  })
