import { drivenClock } from '@armature/async/clock'
import { createEventBus } from '../src/event-bus.ts'
import type { BusFault, EventBusOptions } from '../src/contract.ts'

/** A turn of the event loop: what is queued has been handled then. */
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A bus on a driven clock, and what it reports. */
export const openBus = (options: Partial<EventBusOptions> = {}) => {
  const clock = drivenClock()
  const faults: BusFault[] = []
  const bus = createEventBus({ clock, onFault: (fault) => faults.push(fault), ...options })
  return { bus, clock, faults }
}

/** A subscriber whose calls end when the test says so. */
export const held = () => {
  const calls: { event: unknown; end: () => void; fail: (error: unknown) => void }[] = []
  const fn = (event: unknown) =>
    new Promise<void>((resolve, reject) => void calls.push({ event, end: resolve, fail: reject }))
  return { fn, calls, events: () => calls.map(({ event }) => event) }
}
