import { drivenClock } from '@armature/async/clock'
import { memoryBroker } from '../src/broker.ts'
import type { MemoryOptions } from '../src/settings.ts'
import { message, type MessageOptions } from '@armature/messaging/message'
import type { Delivery, Driver, Handler } from '@armature/messaging/ports'

/** A broker on a driven clock that stands at 1,000,000 ms, and a client of it. */
export const fixture = (options: MemoryOptions = {}) => {
  const clock = drivenClock(1_000_000)
  const broker = memoryBroker({ clock, ...options })
  return { clock, broker, client: broker.connect() }
}

/** Publishes one message for each id. */
export const publishIds = (client: Driver, ids: readonly string[], options: MessageOptions = {}) =>
  client.publish(
    't',
    ids.map((id) => message('t', id, { id, ...options })),
  )

export const range = (count: number, prefix = '') => Array.from({ length: count }, (_, index) => `${prefix}${index}`)

/** Handlers that hang until they are told how to settle, oldest first. */
export const hanging = () => {
  const open: { delivery: Delivery; ack: () => void; reject: () => void }[] = []
  const handle: Handler = (delivery) =>
    new Promise((resolve, reject) => open.push({ delivery, ack: resolve, reject: () => reject(new Error('no')) }))
  return { open, handle, ids: () => open.map(({ delivery }) => delivery.id) }
}
