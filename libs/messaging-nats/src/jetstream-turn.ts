import type { Arrival } from '@armature/messaging-kit/delivery-window'

export interface TurnParts {
  /** Messages of the consumer that are unsettled, whoever has them. Rejects where the server is away. */
  readonly unsettled: () => Promise<number>
  /** Of those, the ones that are here. */
  readonly here: () => number
  readonly offer: (arrival: Arrival) => void
  /** What is missing may be requested. */
  readonly wake: () => void
}

/**
 * Order where members take turns: a member whose turn begins holds what it gets until all that the member before it had is acknowledged
 * or has come here, then hands it over in the order of the stream. So a key is never in two hands, also where the other died or only
 * lost its turn.
 */
export interface Turn {
  /** This member's turn begins. */
  begin(): void
  /** Hands it over, or holds it. */
  take(sequence: number, arrival: Arrival): void
  /** Messages that are waited for; undefined = none are, and nothing is held. */
  readonly missing: number | undefined
  /** Hands over what is held, and waits for nothing. */
  release(): void
  /** What is held, to be given back: nothing is handed over any more. */
  end(): readonly Arrival[]
}

const firstLookMs = 10
const longestLookMs = 500

/** A turn that has not begun. */
export const turn = ({ unsettled, here, offer, wake }: TurnParts): Turn => {
  let held = new Map<number, Arrival>()
  let missing: number | undefined
  let timer: NodeJS.Timeout | undefined
  let turns = 0

  const release = () => {
    missing = undefined
    const due = [...held].sort(([one], [other]) => one - other)
    held = new Map()
    for (const [, arrival] of due) offer(arrival)
  }

  const look = async (number: number, delayMs: number) => {
    const all = await unsettled().catch(() => Number.POSITIVE_INFINITY)
    if (number !== turns) return
    missing = Math.max(0, Number.isFinite(all) ? all - here() : 1)
    if (missing === 0) release()
    else timer = setTimeout(() => void look(number, Math.min(2 * delayMs, longestLookMs)), delayMs).unref()
    wake()
  }

  return {
    begin: () => {
      clearTimeout(timer)
      missing ??= 0
      void look(++turns, firstLookMs)
    },
    take: (sequence, arrival) => {
      if (missing === undefined) offer(arrival)
      else held.set(sequence, arrival)
    },
    get missing() {
      return missing
    },
    release: () => {
      turns++
      clearTimeout(timer)
      release()
    },
    end: () => {
      turns++
      clearTimeout(timer)
      missing = 0
      return [...held.values()]
    },
  }
}
