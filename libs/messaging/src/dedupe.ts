import type { Metrics } from '@armature/telemetry/metrics'
import { systemClock, type Clock } from './clock.ts'
import { numberOption, wholeOption } from './option-checks.ts'
import type { Delivery, Middleware } from './ports.ts'

export interface DedupeOptions {
  /** Ids remembered; the oldest is forgotten for a new one. Default 100,000. */
  readonly maxIds?: number
  /** How long an id is remembered after its success. Default 600,000 (10 minutes). */
  readonly windowMs?: number
  /** What a repeat is recognised by. Default: the message's id. */
  readonly idOf?: (delivery: Delivery) => string
  /** Counts repeats as `component_discarded_events_total` with the reason `duplicate`. */
  readonly metrics?: Metrics
  /** The `component` label of that. */
  readonly component?: string
  /** Default: the machine's. */
  readonly clock?: Clock
}

/**
 * A message whose id was handled with success within the window is acknowledged and not handled again. One whose id is being handled
 * waits and then has the same outcome. An id that failed is not remembered. What it remembers is this process's: a sink that must
 * not hold a message twice has to be idempotent by itself. Throws RangeError for options out of range.
 */
export const dedupe = (options: DedupeOptions = {}): Middleware => {
  const { idOf = ({ id }) => id, metrics, component, clock = systemClock() } = options
  const maxIds = wholeOption('maxIds', options.maxIds ?? 100_000, 1)
  const windowMs = numberOption('windowMs', options.windowMs ?? 600_000, 1)
  /** When each id was handled, the oldest first. */
  const handledMs = new Map<string, number>()
  /** Bounded by what the subscription has in flight. */
  const underWay = new Map<string, Promise<void>>()

  const forgetOld = () => {
    for (const [id, atMs] of handledMs) {
      if (handledMs.size <= maxIds && clock.now() - atMs < windowMs) return
      handledMs.delete(id)
    }
  }

  const remember = (id: string) => {
    handledMs.delete(id)
    handledMs.set(id, clock.now())
    forgetOld()
  }

  const discard = () =>
    metrics?.count('component_discarded_events_total', 1, { component, intentional: true, reason: 'duplicate' })

  return (next) => async (delivery) => {
    const id = idOf(delivery)
    const first = underWay.get(id)
    if (first !== undefined) {
      await first
      return discard()
    }
    forgetOld()
    if (handledMs.has(id)) return discard()
    const handling = (async () => next(delivery))()
    underWay.set(id, handling)
    try {
      await handling
      remember(id)
    } finally {
      underWay.delete(id)
    }
  }
}
