import { RedeliverError } from '@armature/messaging/redeliver-error'
import type { AggregateOptions, CompleteGroup } from './aggregate.ts'

type Write = AggregateOptions['write']

/**
 * Writes the groups of one key one after the other, in the order of their completion. A group that the sink did not take is written again
 * before the next one of its key, until `closing` is aborted: giving it back to the broker would bring it behind later messages. Groups of
 * different keys are written at once, up to `maxWritesAtOnce`.
 */
export const inOrderOfKey = (write: Write, maxWritesAtOnce: number, closing: AbortSignal): Write => {
  /** The end of the last write of each key that has one. */
  const lastOfKey = new Map<string, Promise<unknown>>()
  const slot = slots(maxWritesAtOnce)

  const untilTaken = async (group: CompleteGroup): Promise<readonly (Error | undefined)[]> => {
    const settled = [...(await slot(() => write(group)))]
    for (;;) {
      const places = settled.flatMap((error, place) => (error instanceof RedeliverError ? [place] : []))
      if (places.length === 0 || closing.aborted) return settled
      const messages = group.messages.filter((_, place) => places.includes(place))
      const again = await slot(() => write({ ...group, messages }))
      for (const [index, place] of places.entries()) settled[place] = again[index]
    }
  }

  return (group) => {
    const { correlationKey: key } = group
    const before = lastOfKey.get(key) ?? Promise.resolve()
    const writing = before.then(() => untilTaken(group))
    const last = writing.catch(() => undefined)
    lastOfKey.set(key, last)
    void last.then(() => {
      if (lastOfKey.get(key) === last) lastOfKey.delete(key)
    })
    return writing
  }
}

/** Runs up to so many jobs at once; the others wait in their order. */
const slots = (max: number) => {
  const waiting: (() => void)[] = []
  let free = max
  return async <T>(job: () => Promise<T>): Promise<T> => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => void waiting.push(resolve))
    try {
      return await job()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}
