import { backoffMs } from '@armature/async/backoff'
import { systemClock, type Clock } from '@armature/async/clock'
import { wholeOption } from '@armature/async/option-checks'
import { within } from '@armature/async/within'
import { type Database, DatabaseError, type Queryable } from '@armature/database/database'
import { PublishError } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import type { Publisher } from '@armature/messaging/ports'
import type { Metrics } from '@armature/telemetry/metrics'
import { outboxMetrics } from './outbox-metrics.ts'
import { type OutboxRow, refuseMessage, removeMessages, waitingMessages } from './outbox-rows.ts'

export interface OutboxRelayOptions {
  readonly database: Database
  /** Not closed by the relay. */
  readonly publisher: Pick<Publisher, 'publish'>
  /** Default: the machine's. */
  readonly clock?: Clock
  readonly metrics?: Metrics
  /** A publish, or a look at the outbox, that failed; it is tried again. */
  readonly onProblem: (error: unknown) => void
  /** Messages a look takes at most. Default 100. */
  readonly batchMessages?: number
  /** Bytes of body a look takes at most; one larger message is taken alone. Default 4 MiB. */
  readonly batchBytes?: number
  /** Between two looks while nothing waits and nobody calls `wake`. Default 1,000. */
  readonly pollMs?: number
  /** A publish that takes longer counts as failed. Default 30,000. */
  readonly publishTimeoutMs?: number
}

/** Publishes what is in the outbox. */
export interface OutboxRelay {
  /** Looks now. */
  wake(): void
  /** Publishes what waits, for 5 s at most, and ends. What is left stays in the outbox. Safe to call twice. */
  close(): Promise<void>
}

/** Of the advisory lock by which relays take turns. */
const lockKey = 0x6f757462
const firstDelayMs = 100
const longestDelayMs = 10_000
const closeWaitMs = 5_000

/**
 * Publishes the messages of the outbox in the order in which they were stored, a batch at a time, and removes each when the broker holds it. One relay
 * is at work at a time, whichever process it is in, so messages of one topic keep their order. A topic that cannot be published to waits, and holds up no
 * other. A relay that is killed after a publish and before the
 * removal publishes the batch again, with the same ids. A message that the broker will never take is set aside in the table (`refused`) and counted.
 * Rejects when the tables cannot be read; RangeError for options out of range.
 */
export const openOutboxRelay = async (options: OutboxRelayOptions): Promise<OutboxRelay> => {
  const { database, clock = systemClock(), onProblem } = options
  const pollMs = wholeOption('pollMs', options.pollMs ?? 1_000, 1)
  const look = createLook(options)
  let isAsked = true
  let isClosed = false
  let isOver = false
  let endPause: () => void = () => undefined

  const wake = () => {
    isAsked = true
    endPause()
  }

  const pause = async (delayMs: number) => {
    if (isClosed) return
    await new Promise<void>((resolve) => {
      const cancel = clock.after(delayMs, resolve)
      endPause = () => {
        cancel()
        resolve()
      }
    })
  }

  const work = async () => {
    for (let failures = 0; !isClosed;) {
      isAsked = false
      try {
        const published = await look()
        failures = 0
        if (published === 0 && !isAsked) await pause(pollMs)
      } catch (error) {
        failures += 1
        onProblem(error)
        await pause(backoffMs(firstDelayMs, longestDelayMs, failures))
      }
    }
  }

  const drain = async () => {
    await working
    while (!isOver && (await look()) > 0);
  }

  await database.query('select 1 from messaging_outbox limit 1')
  const working = work()
  let closing: Promise<void> | undefined
  const close = async () => {
    isClosed = true
    endPause()
    await within(closeWaitMs, drain().catch(onProblem), clock)
    isOver = true
  }
  return { wake, close: () => (closing ??= close()) }
}

/** Publishes one batch; resolves with the number of messages that no longer wait. */
const createLook = (options: OutboxRelayOptions): (() => Promise<number>) => {
  const { database, metrics } = options
  const maxMessages = wholeOption('batchMessages', options.batchMessages ?? 100, 1)
  const maxBytes = wholeOption('batchBytes', options.batchBytes ?? 4 * 1_048_576, 1)
  const publish = createBoundedPublish(options)
  const held = createHeldTopics(options)

  /** Each is published alone, to know which the broker will never take. */
  const publishOneByOne = async (transaction: Queryable, run: readonly OutboxRow[], done: number[]) => {
    for (const { seq, message } of run) {
      try {
        await publish([message])
      } catch (error) {
        if (!isHopeless(error)) throw error
        await refuseMessage(transaction, seq, error.message)
        metrics?.count(outboxMetrics.outbox_refused_total, 1, { topic: message.topic, fault: error.fault })
        continue
      }
      done.push(seq)
    }
  }

  const publishRun = async (transaction: Queryable, run: readonly OutboxRow[], done: number[]) => {
    try {
      await publish(run.map(({ message }) => message))
      done.push(...run.map(({ seq }) => seq))
    } catch (error) {
      if (!isHopeless(error)) throw error
      await publishOneByOne(transaction, run, done)
    }
  }

  return () =>
    database.transaction(async (transaction) => {
      const locked = await transaction.query<{ mine: boolean }>('select pg_try_advisory_xact_lock($1) as mine', [
        lockKey,
      ])
      if (locked.rows[0]?.mine !== true) return 0
      const rows = await waitingMessages(transaction, { maxMessages, maxBytes, without: held.topics() })
      const failed = new Set<string>()
      let count = 0
      for (const { topic, run } of runsOf(rows)) {
        if (failed.has(topic)) continue
        const done: number[] = []
        try {
          await publishRun(transaction, run, done)
          held.release(topic)
          count += run.length
        } catch (error) {
          if (error instanceof DatabaseError) throw error
          failed.add(topic)
          held.hold(topic, error)
        }
        await removeMessages(transaction, done)
        metrics?.count(outboxMetrics.outbox_published_total, done.length, { topic })
      }
      return count
    })
}

/** Topics that could not be published to wait, and hold up no others: it may be that nobody reads them yet. */
const createHeldTopics = ({ clock = systemClock(), onProblem }: OutboxRelayOptions) => {
  const held = new Map<string, { readonly failures: number; readonly untilMs: number }>()
  return {
    topics: () => [...held].flatMap(([topic, { untilMs }]) => (untilMs > clock.now() ? [topic] : [])),
    hold: (topic: string, error: unknown) => {
      const failures = (held.get(topic)?.failures ?? 0) + 1
      held.set(topic, { failures, untilMs: clock.now() + backoffMs(firstDelayMs, longestDelayMs, failures) })
      onProblem(error)
    },
    release: (topic: string) => void held.delete(topic),
  }
}

const createBoundedPublish = ({ publisher, publishTimeoutMs = 30_000, clock }: OutboxRelayOptions) => {
  const limitMs = wholeOption('publishTimeoutMs', publishTimeoutMs, 1)
  return async (messages: readonly Message[]): Promise<void> => {
    const topic = messages[0]?.topic ?? ''
    const publishing = publisher.publish(topic, messages).then(() => 'published')
    if ((await within(limitMs, publishing, clock)) === undefined) {
      throw new Error(`the broker did not hold messages for ${topic} within ${limitMs} ms`)
    }
  }
}

interface Run {
  readonly topic: string
  readonly run: OutboxRow[]
}

/** Rows that follow each other and go to one topic. */
const runsOf = (rows: readonly OutboxRow[]): readonly Run[] => {
  const runs: Run[] = []
  for (const row of rows) {
    const last = runs.at(-1)
    if (last?.topic === row.message.topic) last.run.push(row)
    else runs.push({ topic: row.message.topic, run: [row] })
  }
  return runs
}

/** A closed publisher takes nothing any more, but another one will. */
const isHopeless = (error: unknown): error is PublishError =>
  error instanceof PublishError && !error.retryable && error.fault !== 'closed'
