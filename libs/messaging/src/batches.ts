import type { Cancel, Clock } from '@armature/async/clock'
import type { Delivery } from './ports.ts'

/** The outcome of one message of a batch. A failure is a value: only that message is not acknowledged. */
export type Outcome = 'ok' | { readonly error: unknown }

/** A batch that collects messages. Times are the clock's, in milliseconds. */
export interface OpenBatch {
  readonly messages: readonly Delivery[]
  /** The size of all bodies. */
  readonly bytes: number
  readonly firstMs: number
  readonly lastMs: number
}

/** When a batch completes if no other message comes, and why. */
export interface Due<Reason> {
  readonly atMs: number
  readonly reason: Reason
}

export interface CompleteBatch<Reason> {
  readonly key: string
  readonly messages: readonly Delivery[]
  /** Why it is complete. */
  readonly reason: Reason
}

export interface BatchesOptions<Reason> {
  readonly clock: Clock
  /** Whether the newest message completes its batch, and why; undefined while it stays open. */
  readonly completedBy: (batch: OpenBatch) => Reason | undefined
  /** Undefined: it waits for a message. Asked after each one. */
  readonly dueAt: (batch: OpenBatch) => Due<Reason> | undefined
  /** Calls of `handle` at once; 1 keeps the batches in the order in which they completed. */
  readonly maxHandledAtOnce: number
  /**
   * Resolves to one outcome a message, in the batch's order. Rejecting, or answering with another number of outcomes, leaves what
   * happened unknown: none of the batch is acknowledged.
   */
  readonly handle: (batch: CompleteBatch<Reason>) => Promise<readonly Outcome[]>
}

export interface Batches<Reason> {
  /** Batches that collect. */
  readonly openCount: number
  /** The open batch of this key. */
  open(key: string): OpenBatch | undefined
  /** Adds the delivery to the batch of its key. Settles with its outcome: until then it is unacknowledged. */
  add(key: string, delivery: Delivery): Promise<void>
  /** Completes the batch that was begun first, where there is one. */
  completeOldest(reason: Reason): void
  /** Completes all open batches, in the order of their first messages. */
  flush(reason: Reason): void
  /** Hands nothing over any more. The answer rejects all that was not handed over; what comes later is rejected at once. */
  close(): (error: Error) => void
}

/** Settles what `add` answered. */
type Item = Pick<PromiseWithResolvers<void>, 'resolve' | 'reject'>

interface Collected extends OpenBatch {
  readonly messages: Delivery[]
  readonly items: Item[]
  bytes: number
  lastMs: number
  dueMs: number | undefined
  cancel: Cancel
}

/**
 * Collects deliveries by key into batches, which are handed over when they are complete. Each delivery stays unsettled until its batch was
 * handled, so what is collected is bounded by the limits of the subscription. `subscribeBatch` is this for one batch at a time.
 */
export const createBatches = <Reason>(options: BatchesOptions<Reason>): Batches<Reason> => {
  const { clock, completedBy, dueAt, maxHandledAtOnce, handle } = options
  /** In the order of their first messages. */
  const collecting = new Map<string, Collected>()
  const complete: { readonly batch: CompleteBatch<Reason>; readonly items: readonly Item[] }[] = []
  let handling = 0
  let closed = false

  const pump = () => {
    while (handling < maxHandledAtOnce) {
      const next = complete.shift()
      if (next === undefined) return
      handling += 1
      void settle(next.items, async () => handle(next.batch)).then(() => {
        handling -= 1
        pump()
      })
    }
  }

  const finish = (key: string, { messages, items, cancel }: Collected, reason: Reason) => {
    cancel()
    collecting.delete(key)
    complete.push({ batch: { key, messages, reason }, items })
    pump()
  }

  const begin = (key: string): Collected => {
    const nowMs = clock.now()
    const times = { firstMs: nowMs, lastMs: nowMs, dueMs: undefined }
    const batch = { messages: [], items: [], bytes: 0, ...times, cancel: () => undefined }
    collecting.set(key, batch)
    return batch
  }

  const waitFor = (key: string, batch: Collected) => {
    const due = dueAt(batch)
    if (due?.atMs === batch.dueMs) return
    batch.cancel()
    batch.dueMs = due?.atMs
    if (due === undefined) return
    batch.cancel = clock.after(due.atMs - clock.now(), () => finish(key, batch, due.reason))
  }

  return {
    get openCount() {
      return collecting.size
    },
    open: (key) => collecting.get(key),
    add: (key, delivery) => {
      if (closed) return Promise.reject(new Error('the batches are closed: the message comes again'))
      const batch = collecting.get(key) ?? begin(key)
      batch.messages.push(delivery)
      const settled = new Promise<void>((resolve, reject) => batch.items.push({ resolve, reject }))
      batch.bytes += delivery.body.byteLength
      batch.lastMs = clock.now()
      const reason = completedBy(batch)
      if (reason === undefined) waitFor(key, batch)
      else finish(key, batch, reason)
      return settled
    },
    completeOldest: (reason) => {
      const [oldest] = collecting
      if (oldest !== undefined) finish(...oldest, reason)
    },
    flush: (reason) => {
      for (const [key, batch] of collecting) finish(key, batch, reason)
    },
    close: () => {
      closed = true
      for (const { cancel } of collecting.values()) cancel()
      const abandoned = [...complete.splice(0), ...collecting.values()].flatMap(({ items }) => items)
      collecting.clear()
      return (error) => {
        for (const { reject } of abandoned) reject(error)
      }
    },
  }
}

/** Settles each item by its own outcome. Never rejects. */
const settle = async (items: readonly Item[], handle: () => Promise<readonly Outcome[]>): Promise<void> => {
  try {
    const outcomes = await handle()
    if (outcomes.length !== items.length)
      throw new Error(`the handler answered ${outcomes.length} outcomes for a batch of ${items.length}`)
    for (const [index, { resolve, reject }] of items.entries()) {
      const outcome = outcomes[index]
      if (outcome === 'ok') resolve()
      else reject(outcome?.error ?? new Error('the handler gave the message no outcome'))
    }
  } catch (error) {
    for (const { reject } of items) reject(error)
  }
}
