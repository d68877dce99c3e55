import { systemClock, type Cancel, type Clock } from '@armature/async/clock'
import { numberOption, wholeOption } from '@armature/async/option-checks'
import type { Middleware } from './ports.ts'
import { seededRandom } from '@armature/async/random'

export interface ReorderOptions {
  /** Deliveries that are collected and then handed on in random order. Default 10. */
  readonly window?: number
  /** Fewer are handed on after this. Default 100. */
  readonly maxHoldMs?: number
  /** Default 1. */
  readonly seed?: number
  /** Default: the machine's. */
  readonly clock?: Clock
}

interface WaitingDelivery {
  readonly start: () => void
}

/** For tests: hands deliveries on in another order. The same seed reorders the same way. */
export const reorder = (options: ReorderOptions = {}): Middleware => {
  const { clock = systemClock() } = options
  const window = wholeOption('window', options.window ?? 10, 1)
  const maxHoldMs = numberOption('maxHoldMs', options.maxHoldMs ?? 100, 0)
  const random = seededRandom(options.seed ?? 1)
  let held: WaitingDelivery[] = []
  let cancelRelease: Cancel = () => undefined

  const release = () => {
    cancelRelease()
    const due = held
    held = []
    while (due.length > 0) due.splice(random.below(due.length), 1)[0]?.start()
  }

  return (next) => async (delivery) => {
    const { signal } = delivery
    await new Promise<void>((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error)
      const abort = () => {
        held = held.filter((one) => one !== own)
        reject(signal.reason as Error)
      }
      const own: WaitingDelivery = {
        start: () => {
          signal.removeEventListener('abort', abort)
          resolve()
        },
      }
      signal.addEventListener('abort', abort, { once: true })
      held.push(own)
      if (held.length >= window) release()
      else if (held.length === 1) cancelRelease = clock.after(maxHoldMs, release)
    })
    await next(delivery)
  }
}
