import type { InHand } from './jetstream-consumers.ts'

export interface TakeoverParts<Item> {
  /** The deliveries that the members of the consumer have in hand. Rejects while the server is away. */
  readonly inHand: () => Promise<InHand>
  /** How many unsettled messages this member has. */
  readonly unsettledHere: () => number
  readonly deliver: (item: Item) => void
  /** `missing` has changed: the missing messages may be requested. */
  readonly wake: () => void
  /** Another member is pinned, or none is. `kept` was not delivered and must be given back: the pinned member waits for it. */
  readonly onPinLost: (kept: readonly Item[]) => void
}

/**
 * Keeps the order of a key when a member becomes the pinned one, and when a delivery to it was lost on the way. The member delivers nothing
 * before all that is delivered and not settled is acknowledged or has come here. Then it delivers in the order of the stream. So no two
 * members handle messages of one key at once, also where the previous one died or only lost its pin.
 *
 * Two members may both have been pinned shortly after each other, as when each node of a cluster is started again. Then each would wait for
 * what the other keeps, so a member that is not the pinned one any more gives back what it keeps.
 */
export interface Takeover<Item> {
  /** This member becomes the pinned one. */
  begin(pinId: string): void
  /**
   * The consumer's delivery of this number has come. The server counts deliveries, and all go to the pinned member. So a gap says that one
   * was lost: the server delivers it again later, behind those of the same key.
   */
  delivered(number: number): void
  /** Delivers a message, or keeps it until the takeover is done. */
  offer(sequence: number, item: Item): void
  /** How many messages are waited for; undefined while none are. */
  readonly missing: number | undefined
  /** Delivers what was kept, and waits for nothing. The consumer may count from 1 again. */
  finish(): void
  /** Delivers nothing more. Answers what was kept, to be given back. */
  end(): readonly Item[]
}

type State<Item> =
  | { readonly name: 'delivering' }
  | { readonly name: 'waiting'; missing: number; readonly kept: Map<number, Item> }
  | { readonly name: 'ended' }

const firstLookMs = 10
const longestLookMs = 500

/** A takeover that has not begun: every message is delivered. */
export const takeover = <Item>(parts: TakeoverParts<Item>): Takeover<Item> => {
  const { inHand, unsettledHere, deliver, wake, onPinLost } = parts
  let state: State<Item> = { name: 'delivering' }
  let timer: NodeJS.Timeout | undefined
  let pinId: string | undefined
  let lastDelivery: number | undefined

  /** Leaves the state `waiting`. Answers what was kept, in the order of the stream. */
  const takeKept = (): readonly Item[] => {
    clearTimeout(timer)
    if (state.name !== 'waiting') return []
    const kept = [...state.kept].sort(([one], [other]) => one - other).map(([, item]) => item)
    state = { name: 'delivering' }
    return kept
  }

  const finish = () => {
    lastDelivery = undefined
    for (const item of takeKept()) deliver(item)
  }

  const look = async (waiting: State<Item> & { name: 'waiting' }, delayMs: number) => {
    const found = await inHand().catch(() => undefined)
    if (state !== waiting) return
    if (found !== undefined && found.pinId !== pinId) {
      pinId = undefined
      onPinLost(takeKept())
      return
    }
    // While the server is away there may be one.
    waiting.missing = found === undefined ? 1 : Math.max(0, found.unsettled - unsettledHere())
    if (waiting.missing === 0) for (const item of takeKept()) deliver(item)
    else timer = setTimeout(() => void look(waiting, Math.min(2 * delayMs, longestLookMs)), delayMs).unref()
    wake()
  }

  const wait = () => {
    if (state.name === 'ended') return
    clearTimeout(timer)
    const { missing, kept } = state.name === 'waiting' ? state : { missing: 0, kept: new Map<number, Item>() }
    const waiting = { name: 'waiting' as const, missing, kept }
    state = waiting
    void look(waiting, firstLookMs)
  }

  return {
    begin: (pin) => {
      pinId = pin
      lastDelivery = undefined
      wait()
    },
    delivered: (number) => {
      if (pinId !== undefined && lastDelivery !== undefined && number > lastDelivery + 1) wait()
      lastDelivery = number
    },
    offer: (sequence, item) => {
      if (state.name === 'delivering') deliver(item)
      else if (state.name === 'waiting') state.kept.set(sequence, item)
    },
    get missing() {
      return state.name === 'waiting' ? state.missing : undefined
    },
    finish,
    end: () => {
      const kept = takeKept()
      state = { name: 'ended' }
      return kept
    },
  }
}
