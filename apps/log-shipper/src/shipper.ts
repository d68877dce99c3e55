import type { Clock } from '@armature/async/clock'
import type { Message } from '@armature/messaging/message'
import { commonMetrics } from '@armature/telemetry/common-metrics'
import type { Ledger } from '@armature/telemetry/ledger'
import type { Telemetry } from '@armature/telemetry/telemetry'
import type { RetryingPublisher, Unshippable } from './retrying-publisher.ts'
import { faultText } from './log-message.ts'
import type { Spool } from './spool.ts'
import { lineAt, type SpooledLine } from './spool-reader.ts'

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
  readonly toMessage: (line: SpooledLine) => Message
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

/**
 * Takes lines from the spool to the broker, one batch after the other, and acknowledges them to the spool when the broker, or
 * its dead-letter topic, holds them.
 */
export const startShipper = (options: ShipperOptions): Shipper => {
  const { spool, retryingPublisher, toMessage, clock, telemetry, ledger, batch: limits } = options
  const { log, metrics } = telemetry
  let isClosed = false
  let isHurried = false
  let idle = Promise.withResolvers<void>()

  const isFull = () => spool.pending >= limits.count || spool.sizeBytes >= limits.bytes

  const filled = async (): Promise<void> => {
    let isOver = false
    const cancel = clock.after(limits.periodMs, () => {
      isOver = true
      spool.wake()
    })
    while (!isOver && !isHurried && !isClosed && !isFull()) await spool.appended()
    cancel()
  }

  /** Answers whether more lines need not wait: the batch ended early. */
  const ship = async (): Promise<boolean> => {
    const batch = await spool.read(limits)
    const letters: Unshippable[] = []
    const messages: Message[] = []
    for (let index = 0; index < batch.count; index++) {
      const line = lineAt(batch, index)
      const message = toMessage(line)
      if (line.fault === undefined) messages.push(message)
      else letters.push({ message, reason: line.fault, problem: faultText[line.fault] })
    }
    letters.push(...(await retryingPublisher.publish(messages)))
    const refused = await retryingPublisher.deadLetter(letters)
    // In one turn with the spool's own count, so that the books balance at any moment.
    ledger.acked(batch.count - letters.length)
    ledger.deadLettered(letters.length - refused.length)
    for (const { message, problem } of refused) {
      ledger.dropped('refused-by-broker')
      log.error({ id: message.id, bytes: message.body.length, problem }, 'the broker takes a line in no form')
    }
    metrics.count(commonMetrics.component_sent_events_total, batch.count - letters.length, {
      component: 'log-shipper',
    })
    try {
      await spool.acked(batch)
    } catch (error) {
      metrics.count(commonMetrics.component_errors_total, 1, { component: 'log-shipper', error_type: 'cursor' })
      log.warn({ err: error }, 'the cursor of the spool was not written: lines may be published twice')
    }
    return batch.endsEarly
  }

  const run = async () => {
    while (!isClosed) {
      if (!spool.allRead) {
        await filled()
        while (!isClosed && (await ship()));
        continue
      }
      idle.resolve()
      await spool.appended()
      idle = Promise.withResolvers()
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
    hurry: () => {
      isHurried = true
      spool.wake()
    },
    idle: async () => {
      while (spool.pending > 0) await Promise.race([idle.promise, over])
    },
    close: async () => {
      isClosed = true
      spool.wake()
      await over.catch(() => undefined)
    },
  }
}
