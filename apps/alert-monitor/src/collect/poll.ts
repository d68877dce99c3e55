import type { Cancel, Clock } from '@armature/async/clock'

export interface PollOptions {
  readonly clock: Pick<Clock, 'after'>
  /** From the begin of one call to the begin of the next; a call that takes longer delays it. */
  readonly everyMs: number
  /** Must not reject. */
  readonly work: (signal: AbortSignal) => Promise<void>
}

/** Work that is done again and again, never twice at once. */
export interface Poll {
  /** Begins no further call, and aborts the one under way. */
  stop(): void
  /** Resolves when no call is under way. */
  idle(): Promise<void>
}

/** Calls at once, and then each `everyMs`. */
export const startPoll = ({ clock, everyMs, work }: PollOptions): Poll => {
  const stopping = new AbortController()
  let cancel: Cancel = () => undefined
  let under = Promise.resolve()

  const call = () => {
    const due = Promise.withResolvers<void>()
    cancel = clock.after(everyMs, due.resolve)
    under = work(stopping.signal)
    void Promise.all([due.promise, under]).then(() => {
      if (!stopping.signal.aborted) call()
    })
  }
  call()

  return {
    stop: () => {
      stopping.abort()
      cancel()
    },
    idle: () => under,
  }
}
