import type { Clock } from '@armature/async/clock'
import type { Random } from '@armature/async/random'
import { wait } from '@armature/async/wait'

export const counterNames = ['c1', 'c2', 'c3', 'c4'] as const
export type CounterName = (typeof counterNames)[number]

export interface Post {
  readonly counter: CounterName
  /** 1 to 100. */
  readonly count: number
}

/** How posts reach the one subscriber. */
export interface Transport {
  /** Called once, before the first post. */
  subscribe(onPost: (post: Post) => void): Promise<void>
  /** Resolves when the post is on its way. */
  post(post: Post): Promise<void>
  /** Resolves when every post has reached the subscriber. */
  close(): Promise<void>
}

export interface CountersOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly durationMs: number
  /** Takes a line. */
  readonly print: (line: string) => void
  /** Ends it early: the producers stop, what was posted is still counted and printed. */
  readonly signal: AbortSignal
}

export const producers = 30
export const postEveryMs = 20
export const printEveryMs = 2_000

/** Calls `act` every `everyMs`, as often as that fits into `durationMs`, or until the signal is aborted. Late calls catch up. */
const every = async (
  everyMs: number,
  { clock, durationMs, signal }: CountersOptions,
  act: () => Promise<void> | void,
): Promise<void> => {
  const startMs = clock.now()
  for (let number = 1; number * everyMs <= durationMs; number++) {
    try {
      await wait(clock, startMs + number * everyMs - clock.now(), signal)
    } catch {
      return
    }
    await act()
  }
}

/**
 * 30 producers post to four counters; one subscriber sums them up and prints each one's change every 2 s, the last time when everything has
 * been counted. Resolves with the number of posts counted.
 */
export const runCounters = async (options: CountersOptions): Promise<number> => {
  const { transport, clock, random, durationMs, print } = options
  const totals = new Map<CounterName, number>()
  const printed = new Map<CounterName, number>()
  const startMs = clock.now()
  let counted = 0

  const printChanges = () => {
    const seconds = Math.round((clock.now() - startMs) / 1_000)
    for (const name of counterNames) {
      const total = totals.get(name) ?? 0
      print(`${seconds} s  ${name}  +${total - (printed.get(name) ?? 0)}`)
      printed.set(name, total)
    }
  }

  await transport.subscribe(({ counter, count }) => {
    totals.set(counter, (totals.get(counter) ?? 0) + count)
    counted++
  })
  const produce = () =>
    every(postEveryMs, options, () =>
      transport.post({ counter: counterNames[random.below(4)] ?? 'c1', count: 1 + random.below(100) }),
    )
  // The last print is the one below.
  const report = every(printEveryMs, { ...options, durationMs: durationMs - 1 }, printChanges)
  await Promise.all([...Array.from({ length: producers }, produce), report])
  await transport.close()
  printChanges()
  return counted
}
