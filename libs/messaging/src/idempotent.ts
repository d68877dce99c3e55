import { systemClock, type Clock } from '@armature/async/clock'
import { numberOption } from '@armature/async/option-checks'
import { wait } from '@armature/async/wait'
import { commonMetrics } from '@armature/telemetry/common-metrics'
import type { Metrics } from '@armature/telemetry/metrics'
import { withNotes } from './delivery-notes.ts'
import { UnrecoverableError } from './errors.ts'
import { contentsDigest, identityOf } from './identity.ts'
import type { Inbox } from './inbox.ts'
import type { Delivery, Middleware } from './ports.ts'
import { RedeliverError } from './redeliver-error.ts'

export interface IdempotentOptions {
  readonly inbox: Inbox
  /** Recognises a repeat. Default: source and id; then the contents are compared as well. */
  readonly keyOf?: (delivery: Delivery) => string
  /** How long a message is remembered after it was handled. Default 604,800,000 (7 days). */
  readonly expiryMs?: number
}

interface Parts extends IdempotentOptions {
  readonly handler: string
  /** No attempt at a message takes longer, or somebody else may begin one. */
  readonly leaseMs: number
  readonly clock?: Clock
  /** Counts repeats as `component_discarded_events_total` with the reason `duplicate`. */
  readonly metrics?: Metrics
}

const defaultExpiryMs = 604_800_000
/** A message that somebody else handles waits so long before it goes back to the broker. */
const busyDelayMs = 500

/** Throws RangeError for options out of range. */
export const checkIdempotent = ({ expiryMs }: IdempotentOptions): void => {
  numberOption('idempotent.expiryMs', expiryMs ?? defaultExpiryMs, 1)
}

/** The key of a message and a digest of its contents, for an inbox. With a key of its own the contents say nothing. */
export const repeatOf = (
  delivery: Delivery,
  keyOf: IdempotentOptions['keyOf'],
): { readonly key: string; readonly contents: string } =>
  keyOf === undefined
    ? { key: identityOf(delivery, delivery.topic), contents: contentsDigest(delivery) }
    : { key: keyOf(delivery), contents: '' }

/** The error for a message whose id another one had. */
export const identityReused = ({ id }: Delivery): UnrecoverableError =>
  new UnrecoverableError(
    'identity-reused',
    `another message with the id ${id} of the same source was handled: give each message an id of its own`,
  )

/** Counts a repeat that is acknowledged without a call of its handler. */
export const countRepeat = (metrics: Metrics | undefined, component: string): void =>
  metrics?.count(commonMetrics.component_discarded_events_total, 1, {
    component,
    intentional: true,
    reason: 'duplicate',
  })

/**
 * A message that was handled with success, by whichever process, is acknowledged and not handled again, for `expiryMs`. Around one attempt: a
 * message that fails, or that somebody else is at, is handled when it comes again. A process that is killed between the effect and its entry in the
 * inbox leaves a message that is handled twice: only a `store`, which has both in one transaction, excludes that. While the inbox is away no
 * message is handled, and all come again.
 */
export const idempotent = (parts: Parts): Middleware => {
  const { inbox, handler, keyOf, leaseMs, clock = systemClock(), metrics } = parts
  const { expiryMs = defaultExpiryMs } = parts

  return (next) => async (delivery) => {
    const { noted, notes } = withNotes(delivery)
    const { key, contents } = repeatOf(delivery, keyOf)
    const inboxKey = { handler, key }
    const claim = await asked(inbox.claim(inboxKey, { contents, leaseMs }))
    if (claim.state === 'handled') {
      if (claim.contents !== contents) throw identityReused(delivery)
      return countRepeat(metrics, handler)
    }
    if (claim.state === 'busy') {
      await wait(clock, busyDelayMs, delivery.signal)
      throw new RedeliverError('busy', `another process handles the message ${delivery.id}`)
    }
    try {
      await next(noted)
    } catch (error) {
      // A claim that cannot be given back ends with its lease.
      await inbox.release(inboxKey).catch(() => undefined)
      throw error
    }
    if (notes.settlement === undefined) await asked(inbox.finish(inboxKey, { contents, expiryMs }))
    else await asked(inbox.release(inboxKey))
  }
}

/** An inbox that is away is an outage: no message is at fault. */
const asked = async <T>(answer: Promise<T>): Promise<T> => {
  try {
    return await answer
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause)
    throw new RedeliverError('inbox-away', `the inbox does not answer (${problem})`, { cause })
  }
}
