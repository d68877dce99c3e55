export interface TakeoverParts<Item> {
  /** How many messages of the consumer are unsettled, whichever member has them. Rejects while the server is away. */
  readonly unsettled: () => Promise<number>
  /** How many of them this member has. */
  readonly unsettledHere: () => number
  readonly deliver: (item: Item) => void
  /** `missing` has changed: the missing messages may be requested. */
  readonly wake: () => void
}

/**
 * Keeps the order of a key when a member becomes the pinned one. The member delivers nothing before all that the previous one had is
 * acknowledged or has come here. Then it delivers in the order of the stream. So no two members handle messages of one key at once,
 * also where the previous one died or only lost its pin.
 */
export interface Takeover<Item> {
  /** This member becomes the pinned one. */
  begin(): void
  /** Delivers a message, or keeps it until the takeover is done. */
  offer(sequence: number, item: Item): void
  /** How many messages of the previous member are waited for; undefined while none are. */
  readonly missing: number | undefined
  /** Delivers what was kept, and waits for nothing. */
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
export const takeover = <Item>({ unsettled, unsettledHere, deliver, wake }: TakeoverParts<Item>): Takeover<Item> => {
  let state: State<Item> = { name: 'delivering' }
  let timer: NodeJS.Timeout | undefined

  const finish = () => {
    clearTimeout(timer)
    if (state.name !== 'waiting') return
    const kept = [...state.kept].sort(([one], [other]) => one - other)
    state = { name: 'delivering' }
    for (const [, item] of kept) deliver(item)
  }

  const look = async (waiting: State<Item> & { name: 'waiting' }, delayMs: number) => {
    const all = await unsettled().catch(() => undefined)
    if (state !== waiting) return
    // While the server is away there may be one.
    waiting.missing = all === undefined ? 1 : Math.max(0, all - unsettledHere())
    if (waiting.missing === 0) finish()
    else timer = setTimeout(() => void look(waiting, Math.min(2 * delayMs, longestLookMs)), delayMs).unref()
    wake()
  }

  return {
    begin: () => {
      if (state.name === 'ended') return
      clearTimeout(timer)
      const { missing, kept } = state.name === 'waiting' ? state : { missing: 0, kept: new Map<number, Item>() }
      const waiting = { name: 'waiting' as const, missing, kept }
      state = waiting
      void look(waiting, firstLookMs)
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
      clearTimeout(timer)
      const kept = state.name === 'waiting' ? [...state.kept.values()] : []
      state = { name: 'ended' }
      return kept
    },
  }
}
