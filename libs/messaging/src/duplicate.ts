import { numberOption, wholeOption } from '@armature/async/option-checks'
import type { Middleware } from './ports.ts'
import { seededRandom } from '@armature/async/random'

export interface DuplicateOptions {
  /** From 0 to 1. */
  readonly rate: number
  /** How often such a delivery is handled again. Default 1. */
  readonly copies?: number
  /** Default 1. */
  readonly seed?: number
}

/**
 * For tests: hands some of the deliveries to the handler again, as a broker does when an acknowledgement is lost; some while the first is
 * under way, some after it. Rejects when any of them did. The same seed repeats the same ones of a sequence.
 */
export const duplicate = (options: DuplicateOptions): Middleware => {
  const rate = numberOption('rate', options.rate, 0, 1)
  const copies = wholeOption('copies', options.copies ?? 1, 1)
  const random = seededRandom(options.seed ?? 1)
  return (next) => async (delivery) => {
    const repeats = random.next() < rate ? copies : 0
    const atOnce = random.next() < 0.5
    const handle = async (copy: number) => next({ ...delivery, attempt: delivery.attempt + copy })
    if (atOnce) {
      await Promise.all(Array.from({ length: repeats + 1 }, (_, copy) => handle(copy)))
      return
    }
    for (let copy = 0; copy <= repeats; copy++) await handle(copy)
  }
}
