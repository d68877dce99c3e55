import type { Clock } from '@armature/async/clock'
import { wait } from '@armature/async/wait'
import { within } from '@armature/async/within'

/** How long members pause between two looks at their bindings. */
export const lookEveryMs = 2_000
/**
 * Looks after which a publisher takes the members to have bound their queues again. A member needs two at most: one that was under way when the exchange
 * went, and failed, and the next one.
 */
const looksToWait = 4

export interface RebindWait {
  /** The exchange is a new one: the count of looks begins at 0. */
  begin(): void
  /** Resolves to true when the looks were made, to false after `limitMs`. True at once where nothing was begun. Never rejects. */
  isOver(limitMs: number): Promise<boolean>
}

export interface RebindWaitParts {
  /** The work of a member in each look, at the same broker. Rejects if it cannot be done. */
  readonly look: () => Promise<unknown>
  readonly clock: Clock
  /** Aborted when the publisher ends: no look begins then. */
  readonly signal: AbortSignal
}

/**
 * The wait of a publisher until the members have bound their queues to a new exchange. It is counted in looks of its own, each after a pause like that
 * of a member: where the broker or the machine is slow, the looks of members are slow, and so are these. A look that fails counts for nothing.
 */
export const createRebindWait = ({ look, clock, signal }: RebindWaitParts): RebindWait => {
  let looksLeft = 0
  let replacements = 0
  let looking: Promise<void> | undefined

  const lookOnce = async () => {
    await wait(clock, lookEveryMs, signal)
    const atStart = replacements
    const isDone = await look().then(
      () => true,
      () => false,
    )
    if (isDone && replacements === atStart) looksLeft--
  }

  const lookOn = async () => {
    try {
      while (looksLeft > 0) await lookOnce()
    } catch {
      // The publisher ends.
    } finally {
      looking = undefined
    }
  }

  return {
    begin: () => {
      looksLeft = looksToWait
      replacements++
      looking ??= lookOn()
    },
    isOver: async (limitMs) => {
      if (looking !== undefined) await within(limitMs, looking, clock)
      return looksLeft === 0
    },
  }
}
