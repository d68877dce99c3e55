import { commonMetrics } from '@armature/telemetry/common-metrics'
import type { Metrics } from '@armature/telemetry/metrics'
import { systemClock, type Clock } from '@armature/async/clock'
import { withNotes } from './delivery-notes.ts'
import { UnrecoverableError } from './errors.ts'
import { contentsDigest, identityOf } from './identity.ts'
import { numberOption, wholeOption } from '@armature/async/option-checks'
import type { Delivery, Middleware } from './ports.ts'

export interface DedupeOptions {
  /** Messages remembered; the oldest is forgotten for a new one. Default 100,000. */
  readonly maxIds?: number
  /** How long a message is remembered after its success. Default 600,000 (10 minutes). */
  readonly windowMs?: number
  /**
   * The key by which a repeat is recognised. Default: the identity of the message, with its topic for the source of one that names none;
   * then the contents are compared as well.
   */
  readonly idOf?: (delivery: Delivery) => string
  /** Counts repeats as `component_discarded_events_total` with the reason `duplicate`. */
  readonly metrics?: Metrics
  /** The `component` label of that. */
  readonly component?: string
  /** Default: the machine's. */
  readonly clock?: Clock
}

interface Handled {
  readonly atMs: number
  readonly contents: string
}

interface UnderWay {
  readonly contents: string
  /** Whether it was handled: not when it became a dead letter or was given up. */
  readonly handled: Promise<boolean>
}

/**
 * A message that was handled with success within the window is acknowledged and not handled again. One that is being handled already is waited
 * for, and has the same outcome. What failed, became a dead letter or was given up is not remembered, so that it is handled when it is
 * published again. One of the same identity and with other contents is no repeat: it is a dead letter, reason `identity-reused`, by the
 * dead-letter middleware around this one or within it. What is remembered is this process's: a sink that must not hold a message twice
 * has to be idempotent by itself. Throws RangeError for options out of range.
 */
export const dedupe = (options: DedupeOptions = {}): Middleware => {
  const { metrics, component, clock = systemClock() } = options
  const idOf = options.idOf ?? ((delivery) => identityOf(delivery, delivery.topic))
  const contentsOf = options.idOf === undefined ? contentsDigest : () => ''
  const maxIds = wholeOption('maxIds', options.maxIds ?? 100_000, 1)
  const windowMs = numberOption('windowMs', options.windowMs ?? 600_000, 1)
  /** The keys are identities, the oldest first. */
  const remembered = new Map<string, Handled>()
  /** Bounded by what the subscription has in flight. */
  const underWay = new Map<string, UnderWay>()

  const forgetOld = () => {
    for (const [id, { atMs }] of remembered) {
      if (remembered.size <= maxIds && clock.now() - atMs < windowMs) return
      remembered.delete(id)
    }
  }

  const remember = (id: string, contents: string) => {
    remembered.delete(id)
    remembered.set(id, { atMs: clock.now(), contents })
    forgetOld()
  }

  const discard = () =>
    metrics?.count(commonMetrics.component_discarded_events_total, 1, {
      component,
      intentional: true,
      reason: 'duplicate',
    })

  return (next) => async (delivery) => {
    const { noted, notes } = withNotes(delivery)
    const id = idOf(delivery)
    const contents = contentsOf(delivery)

    const refuse = async () => {
      const problem = `another message with the id ${delivery.id} of the same source was handled`
      const error = new UnrecoverableError('identity-reused', `${problem}: give each message an id of its own`)
      if (notes.hasDeadLetters) throw error
      await next({ ...noted, undecodable: error })
    }

    for (let first = underWay.get(id); first !== undefined; first = underWay.get(id)) {
      const handled = await first.handled
      if (handled && first.contents !== contents) return refuse()
      if (handled) return discard()
    }
    forgetOld()
    const before = remembered.get(id)
    if (before !== undefined) return before.contents === contents ? discard() : refuse()
    const handled = (async () => {
      await next(noted)
      return notes.settlement === undefined
    })()
    underWay.set(id, { contents, handled })
    try {
      if (await handled) remember(id, contents)
    } finally {
      underWay.delete(id)
    }
  }
}
