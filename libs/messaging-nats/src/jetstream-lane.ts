import type { wireHeaders } from './codec.ts'
import { reconnectDelayMs } from '@armature/async/backoff'

/** A message on its way to a stream. */
export interface LaneItem {
  /** An acknowledgement names the message by this token. */
  readonly token: number
  wire: ReturnType<typeof wireHeaders>
  /** When it was sent last, by `performance.now()`; 0 = not yet. */
  sentMs: number
  /** The sequence under which the stream stored it; undefined = it is not acknowledged. */
  sequence: number | undefined
}

export interface LaneParts<Item extends LaneItem> {
  readonly transmit: (item: Item) => void
  /** Gives the message an id that the server does not know, so that it is stored again. */
  readonly renew: (item: Item) => void
  /** Finds the stream, or makes it. */
  readonly prepare: () => Promise<unknown>
  /** The message is stored, and so are all before it. */
  readonly release: (item: Item) => void
}

/**
 * The messages on their way to one topic, in their order. Many are under way at once. Where one is not stored, the topic is tried again as a
 * whole: all wait until the first one is stored, then the others follow. A message that was stored before one that precedes it is stored
 * again behind that. So a reader finds behind each message all that were published after it.
 */
export interface Lane<Item extends LaneItem> {
  readonly first: Item | undefined
  add(item: Item): void
  /** The server says that it stored it there. */
  stored(item: Item, sequence: number): void
  /** The message was not stored, or no acknowledgement came. */
  failed(item: Item): void
  /** The connection is back: what was under way may be lost. */
  restart(): void
  /** Gives these messages up, and answers them. */
  drop(which: (item: Item) => boolean): readonly Item[]
}

/** An empty lane. */
export const lane = <Item extends LaneItem>({ transmit, renew, prepare, release }: LaneParts<Item>): Lane<Item> => {
  let items: Item[] = []
  /** `waiting`: nothing is sent until the next try. `probing`: the first message is sent alone. */
  let state: 'flowing' | 'waiting' | 'probing' = 'flowing'
  let attempt = 0
  let timer: NodeJS.Timeout | undefined

  const probe = () => {
    clearTimeout(timer)
    const [head] = items
    state = head === undefined ? 'flowing' : 'probing'
    if (head !== undefined) transmit(head)
  }

  const waitAndProbe = () => {
    state = 'waiting'
    clearTimeout(timer)
    timer = setTimeout(() => {
      prepare().then(
        () => {
          if (state === 'waiting') probe()
        },
        () => {
          if (state === 'waiting') waitAndProbe()
        },
      )
    }, reconnectDelayMs(++attempt)).unref()
  }

  /** The first message is stored: the others follow, also those that overtook one before them. */
  const flow = (first: number) => {
    state = 'flowing'
    attempt = 0
    let last: number | undefined = first
    for (const item of items.slice(1)) {
      if (last !== undefined && item.sequence !== undefined && item.sequence > last) {
        last = item.sequence
        continue
      }
      last = undefined
      if (item.sequence !== undefined) renew(item)
      item.sequence = undefined
      transmit(item)
    }
  }

  return {
    get first() {
      return items[0]
    },
    add: (item) => {
      items.push(item)
      if (state === 'flowing') transmit(item)
      else if (items.length === 1) probe()
    },
    stored: (item, sequence) => {
      item.sequence = sequence
      if (state !== 'flowing' && item === items[0]) {
        clearTimeout(timer)
        flow(sequence)
      }
      let done = 0
      while (items[done]?.sequence !== undefined) done++
      if (done > 0) for (const each of items.splice(0, done)) release(each)
    },
    failed: (item) => {
      if (state === 'flowing' || (state === 'probing' && item === items[0])) waitAndProbe()
    },
    restart: () => {
      attempt = 0
      probe()
    },
    drop: (which) => {
      const dropped = items.filter(which)
      const wasFirst = dropped.includes(items[0] as Item)
      items = items.filter((item) => !which(item))
      if (items.length === 0) {
        clearTimeout(timer)
        state = 'flowing'
      } else if (wasFirst && state === 'probing') probe()
      return dropped
    },
  }
}
