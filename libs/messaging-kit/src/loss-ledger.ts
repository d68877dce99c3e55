import type { Message } from '@armature/messaging/message'
import type { Publisher } from '@armature/messaging/ports'

/** The outcome of publishing a message. `unknown`: the publish failed, and the broker may hold the message or not. */
export type PublishOutcome = 'ok' | 'fail' | 'unknown'

/** The record of what writers did and what reached the sink, to be compared when all is drained. Ids are unique over a ledger. */
export interface Ledger {
  /** Before a publish: this message may appear from now on. */
  attempt(id: string): void
  /** After it. A later outcome of the same id counts instead, but `ok` stays. */
  outcome(id: string, outcome: PublishOutcome): void
  /** The sink holds it. Called for each delivery that it stored, repeats included. */
  stored(id: string): void
  /**
   * The result of the comparison: violations and counts. `lost`: published with `ok` and not in the sink. `unattempted`: in the sink,
   * though nobody published it. Both must be empty. At most ten ids of each are listed; the counts are whole.
   */
  result(): LedgerResult
}

export interface LedgerResult {
  readonly lost: readonly string[]
  readonly unattempted: readonly string[]
  readonly counts: {
    readonly attempted: number
    readonly ok: number
    readonly fail: number
    readonly unknown: number
    /** Unique ids in the sink. */
    readonly sink: number
    /** Deliveries that the sink had stored already. */
    readonly repeats: number
    readonly lost: number
    readonly unattempted: number
  }
}

const mostListed = 10

/** A ledger without entries. */
export const ledger = (): Ledger => {
  const outcomes = new Map<string, PublishOutcome>()
  const sink = new Set<string>()
  let repeats = 0

  return {
    attempt: (id) => {
      if (!outcomes.has(id)) outcomes.set(id, 'unknown')
    },
    outcome: (id, outcome) => {
      if (outcomes.get(id) !== 'ok') outcomes.set(id, outcome)
    },
    stored: (id) => {
      if (sink.has(id)) repeats++
      else sink.add(id)
    },
    result: () => {
      const lost = [...outcomes].filter(([id, outcome]) => outcome === 'ok' && !sink.has(id)).map(([id]) => id)
      const unattempted = [...sink].filter((id) => !outcomes.has(id))
      const count = (wanted: PublishOutcome) => [...outcomes.values()].filter((each) => each === wanted).length
      return {
        lost: lost.slice(0, mostListed),
        unattempted: unattempted.slice(0, mostListed),
        counts: {
          attempted: outcomes.size,
          ok: count('ok'),
          fail: count('fail'),
          unknown: count('unknown'),
          sink: sink.size,
          repeats,
          lost: lost.length,
          unattempted: unattempted.length,
        },
      }
    },
  }
}

export interface WriterOptions {
  readonly topic: string
  /** In all. */
  readonly count: number
  /** Messages of one publish. Default 100. */
  readonly batch?: number
  /** Publishes under way at once. Default 8. */
  readonly concurrent?: number
  /** Makes the message of this number, 0 the first. */
  readonly message: (number: number) => Message
  /** Called after each publish with the number of messages that have an outcome. A test kills the broker here. */
  readonly onProgress?: (settled: number) => void
  /**
   * How often a publish that failed is tried again, with the same ids, before its messages are left as they are (`unknown`; `fail` where
   * the error says that nothing was sent). Default 10.
   */
  readonly tries?: number
}

/** Reasons for which a message is refused before it is sent. */
const refused = new Set(['bad-topic', 'bad-message', 'too-large', 'closed'])

/** Publishes `count` messages and logs each outcome. Never rejects because of a publish: the ledger tells. */
export const writeAll = async (publisher: Publisher, book: Ledger, options: WriterOptions): Promise<void> => {
  const { topic, count, batch = 100, concurrent = 8, tries = 10 } = options
  let next = 0
  let settled = 0

  const write = async (messages: readonly Message[]) => {
    for (const { id } of messages) book.attempt(id)
    let outcome: PublishOutcome = 'unknown'
    for (let tried = 0; tried < tries && outcome === 'unknown'; tried++) {
      outcome = await publisher.publish(topic, messages).then(
        (): PublishOutcome => 'ok',
        (error: unknown): PublishOutcome =>
          refused.has((error as { fault?: string } | undefined)?.fault ?? '') ? 'fail' : 'unknown',
      )
    }
    for (const { id } of messages) book.outcome(id, outcome)
    settled += messages.length
    options.onProgress?.(settled)
  }

  const writer = async () => {
    while (next < count) {
      const from = next
      next = Math.min(count, from + batch)
      await write(Array.from({ length: next - from }, (_, index) => options.message(from + index)))
    }
  }
  await Promise.all(Array.from({ length: concurrent }, writer))
}
