import type { Clock } from '@armature/async/clock'
import type { MessageRun } from '@armature/messaging/message-run'
import { commonMetrics } from '@armature/telemetry/common-metrics'
import type { Ledger } from '@armature/telemetry/ledger'
import type { Telemetry } from '@armature/telemetry/telemetry'
import type { RetryingPublisher, Unshippable } from './retrying-publisher.ts'
import { faultText, flawedMessage, linesRuns, type MessageOptions } from './log-message.ts'
import { createNotifier } from './notifier.ts'
import { publishRuns } from './publish-runs.ts'
import type { Spool } from './spool.ts'
import type { Batch } from './spool-reader.ts'

/** A batch is complete at whichever comes first. */
export interface BatchLimits {
  readonly count: number
  readonly bytes: number
  /** How long the first line of a batch waits for more. */
  readonly periodMs: number
}

export interface ShipperOptions {
  readonly spool: Spool
  readonly retryingPublisher: RetryingPublisher
  readonly messages: MessageOptions
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly ledger: Ledger
  readonly batch: BatchLimits
}

export interface Shipper {
  /** From now on no line waits for more. */
  hurry(): void
  /** Resolves when the broker holds all that was appended so far. Rejects like `failed`, and when closed before. */
  idle(): Promise<void>
  /** Rejects when lines can no longer be shipped: the broker refuses the topic, the spool cannot be read. */
  readonly failed: Promise<never>
  /** Resolves when the batch under way is over; the signal of the retrying publisher must be aborted before. */
  close(): Promise<void>
}

/** Lines of the spool as messages, on their way to the broker. */
interface Taken {
  readonly batch: Batch
  readonly runs: readonly MessageRun[]
  /** Those at fault. */
  readonly letters: readonly Unshippable[]
}

/**
 * Takes lines from the spool to the broker, one batch after the other, and acknowledges them to the spool when the broker, or
 * its dead-letter topic, holds them. While a batch is published, the next one is read, and the cursor of the one before is written.
 */
export const startShipper = (options: ShipperOptions): Shipper => {
  const { spool, retryingPublisher } = options
  const reading = batchReader(options)
  const settled = createNotifier()
  const settle = batchSettler(options)
  let isClosed = false

  const run = async () => {
    let settling: Promise<void> = Promise.resolve()
    try {
      let taking = reading.take()
      for (let taken = await taking; taken !== undefined; taken = await taking) {
        taking = reading.take()
        // Whoever waits for it has a handler.
        taking.catch(() => undefined)
        const refused = await publishRuns(retryingPublisher, taken.runs)
        const letters = [...taken.letters, ...refused]
        const dropped = await retryingPublisher.deadLetter(letters)
        await settling
        settling = settle(taken.batch, letters, dropped)
        settled.notify()
      }
    } finally {
      await settling
    }
  }

  const failure = Promise.withResolvers<never>()
  const over = run().then(
    () => Promise.reject(new Error('closed before all lines were published')),
    (error: unknown) => {
      if (!isClosed) failure.reject(error)
      throw error
    },
  )
  for (const promise of [failure.promise, over]) promise.catch(() => undefined)

  return {
    failed: failure.promise,
    hurry: reading.hurry,
    idle: async () => {
      while (spool.pending > 0) await Promise.race([settled.notified(), over])
    },
    close: async () => {
      isClosed = true
      reading.close()
      await over.catch(() => undefined)
    },
  }
}

/** Reads batches, each when it is full or its first line has waited for long enough. */
const batchReader = ({ spool, messages, clock, batch: limits }: ShipperOptions) => {
  let isClosed = false
  let isHurried = false
  /** The last batch left lines that have waited already. */
  let isMore = false

  const isFull = () => spool.unread >= limits.count || spool.unreadBytes >= limits.bytes

  const filled = async (): Promise<void> => {
    let isOver = false
    const cancel = clock.after(limits.periodMs, () => {
      isOver = true
      spool.wake()
    })
    while (!isOver && !isHurried && !isClosed && !isFull()) await spool.appended()
    cancel()
  }

  return {
    /** The next lines. Waits until there are some; undefined once closed. */
    take: async (): Promise<Taken | undefined> => {
      while (spool.unread === 0 && !isClosed) await spool.appended()
      if (!isMore) await filled()
      if (isClosed) return undefined
      const batch = await spool.read(limits)
      isMore = batch.endsEarly
      const letters = [...batch.flaws].map(([index, { fault }]) => {
        const problem = faultText[fault]
        return { message: flawedMessage(batch, index, messages), reason: fault, problem }
      })
      return { batch, runs: linesRuns(batch, messages), letters }
    },
    hurry: () => {
      isHurried = true
      spool.wake()
    },
    close: () => {
      isClosed = true
      spool.wake()
    },
  }
}

/** Books what became of the lines of a batch, and acknowledges them to the spool. */
const batchSettler =
  ({ spool, telemetry: { log, metrics }, ledger }: ShipperOptions) =>
  async (batch: Batch, letters: readonly Unshippable[], dropped: readonly Unshippable[]): Promise<void> => {
    const published = batch.count - letters.length
    // In one turn with the spool's own count, so that the books balance at any moment.
    ledger.acked(published)
    ledger.deadLettered(letters.length - dropped.length)
    for (const { message, problem } of dropped) {
      ledger.dropped('refused-by-broker')
      log.error({ id: message.id, bytes: message.body.length, problem }, 'the broker takes a line in no form')
    }
    metrics.count(commonMetrics.component_sent_events_total, published, { component: 'log-shipper' })
    try {
      await spool.acked(batch)
    } catch (error) {
      metrics.count(commonMetrics.component_errors_total, 1, { component: 'log-shipper', error_type: 'cursor' })
      log.warn({ err: error }, 'the cursor of the spool was not written: lines may be published twice')
    }
  }
