import { withNotes } from './delivery-notes.ts'
import type { Middleware } from './ports.ts'
import { RedeliverError } from './redeliver-error.ts'

/**
 * Lets `count` messages be handled and no more: a message waits while those before it may still make up the count, and is given
 * back once it is made up. One that was dead-lettered does not count.
 */
export const handledLimit = (count: number, onReached: () => void): Middleware => {
  let handled = 0
  let running = 0
  let waiting: (() => void)[] = []

  const wakeAll = () => {
    const woken = waiting
    waiting = []
    for (const wake of woken) wake()
  }

  return (next) => async (delivery) => {
    const { noted, notes } = withNotes(delivery)
    while (handled + running >= count) {
      if (handled >= count) throw new RedeliverError('count-reached', `${count} messages are handled`)
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
    running += 1
    try {
      await next(noted)
      if (notes.settlement === undefined) handled += 1
    } finally {
      running -= 1
      wakeAll()
    }
    if (handled >= count) onReached()
  }
}
