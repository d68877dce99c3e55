import type { Cancel, Clock } from '@armature/async/clock'
import type { StartPosition, Subscriber } from '@armature/messaging/ports'
import { type TailLine, tailLine } from './tail-line.ts'
import { createMerge } from './tail-merge.ts'
import type { Condition } from './tail-where.ts'

export interface TailOptions {
  /** May hold wildcards, where the driver has them. */
  readonly topic: string
  readonly from: StartPosition
  /** Lines from before it are left out. */
  readonly sinceMs: number | undefined
  /** Lines from after it are left out; undefined: it ends with the signal alone. */
  readonly untilMs: number | undefined
  readonly where: readonly Condition[]
  readonly windowMs: number
  readonly maxWindowLines: number
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Gets lines in order of time, one call after the other. */
  readonly show: (lines: readonly TailLine[]) => Promise<void>
  /** Called once lines can come. */
  readonly onReady: () => void
}

/** After the time `until`, so long without a line from before it means that all were shown. */
const quietMs = 2_000

/** Shows the lines of topics, merged by time, by a subscription without a group. Resolves at the signal, or at the time `untilMs`. */
export const tail = async (subscriber: Subscriber, options: TailOptions): Promise<void> => {
  const { topic, from, where, windowMs, maxWindowLines: maxLines, clock, signal, show, onReady } = options
  const { sinceMs = -Infinity, untilMs = Infinity } = options
  const done = Promise.withResolvers<void>()
  const merge = createMerge<TailLine>({ clock, windowMs, maxLines, emit: show, failed: done.reject })
  let cancelEnd: Cancel | undefined

  const endWhenQuiet = () => {
    if (untilMs === Infinity) return
    cancelEnd?.()
    cancelEnd = clock.after(Math.min(Math.max(untilMs - clock.now(), 0) + quietMs, longestTimerMs), () =>
      clock.now() >= untilMs ? done.resolve() : endWhenQuiet(),
    )
  }

  const subscription = await subscriber.subscribe(
    topic,
    async (delivery) => {
      const line = tailLine(delivery)
      if (line.timeMs <= untilMs) endWhenQuiet()
      if (line.timeMs < sinceMs || line.timeMs > untilMs) return
      if (where.every((condition) => condition(line))) await merge.add(line)
    },
    { from },
  )
  const stop = () => done.resolve()
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  try {
    onReady()
    endWhenQuiet()
    await done.promise
    await subscription.stop()
    await merge.flush()
  } finally {
    cancelEnd?.()
    signal.removeEventListener('abort', stop)
    await subscription.close()
  }
}

const longestTimerMs = 2 ** 31 - 1
