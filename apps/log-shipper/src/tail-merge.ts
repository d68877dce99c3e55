import type { Cancel, Clock } from '@armature/async/clock'

export interface MergeOptions<Line> {
  readonly clock: Clock
  /** How long a line waits for earlier ones to come. */
  readonly windowMs: number
  /** How many lines wait at most: beyond it the earliest are given out at once. */
  readonly maxLines: number
  /** Gets the lines in order of time. It is called again when it has resolved. */
  readonly emit: (lines: readonly Line[]) => Promise<void>
  /** `emit` has rejected: no more lines are given out. */
  readonly failed: (error: unknown) => void
}

export interface Merge<Line> {
  /** Resolves when the line waits in the window: at once, but where that is full. */
  add(line: Line): Promise<void>
  /** Gives out all that waits. Resolves when it is given out. */
  flush(): Promise<void>
}

interface Waiting<Line> {
  readonly line: Line
  readonly dueMs: number
}

/**
 * Merges lines of many sources by their time. Each waits for `windowMs`; a line that comes later than that after one of a later time is given out behind
 * it.
 */
export const createMerge = <Line extends { readonly timeMs: number }>(options: MergeOptions<Line>): Merge<Line> => {
  const { clock, windowMs, maxLines, emit, failed } = options
  let waiting: Waiting<Line>[] = []
  let emitting: Promise<void> = Promise.resolve()
  let cancel: Cancel | undefined

  const giveOut = (lines: readonly Line[]): Promise<void> => {
    if (lines.length > 0) emitting = emitting.then(() => emit(lines)).catch(failed)
    return emitting
  }

  /** Takes out the lines up to the latest time of those that are chosen: what is earlier cannot come behind it. */
  const takeUpTo = (timeMs: number): Line[] => {
    const taken = waiting.filter(({ line }) => line.timeMs <= timeMs).map(({ line }) => line)
    waiting = waiting.filter(({ line }) => line.timeMs > timeMs)
    return taken.toSorted((one, other) => one.timeMs - other.timeMs)
  }

  const release = () => {
    cancel = undefined
    const nowMs = clock.now()
    let latestMs = -Infinity
    for (const { line, dueMs } of waiting) if (dueMs <= nowMs) latestMs = Math.max(latestMs, line.timeMs)
    void giveOut(takeUpTo(latestMs))
    schedule()
  }

  const schedule = () => {
    if (waiting.length > 0) cancel ??= clock.after(windowMs, release)
  }

  return {
    add: async (line) => {
      waiting.push({ line, dueMs: clock.now() + windowMs })
      schedule()
      if (waiting.length <= maxLines) return
      const times = waiting.map(({ line: { timeMs } }) => timeMs).toSorted((one, other) => one - other)
      await giveOut(takeUpTo(times[Math.floor(times.length / 2)] ?? Infinity))
    },
    flush: () => {
      cancel?.()
      cancel = undefined
      return giveOut(takeUpTo(Infinity))
    },
  }
}
