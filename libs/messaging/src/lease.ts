import type { Cancel } from '@armature/async/clock'
import type { Message } from './message.ts'
import type { Delivery } from './ports.ts'

/** The time for which a message is a handler's: until that settles it, or the message is the broker's again. */
export class Lease {
  #controller: AbortController | undefined
  #lostBy: Error | undefined
  #whenLost: (() => void) | undefined

  /** Made when somebody first asks for it, since it costs. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#lostBy !== undefined && !this.#controller.signal.aborted) this.#controller.abort(this.#lostBy)
    return this.#controller.signal
  }

  /** The message is the handler's no longer: as a rule it is the broker's again. */
  lose(reason: Error = lost()): void {
    this.#lostBy = reason
    this.#controller?.abort(reason)
    this.#whenLost?.()
  }

  throwIfLost(): void {
    if (this.#lostBy !== undefined) throw this.#lostBy
  }

  /** Calls the listener when the lease is lost, at once where it is. */
  onLost(listener: () => void): void {
    if (this.#lostBy !== undefined) return listener()
    const before = this.#whenLost
    this.#whenLost =
      before === undefined
        ? listener
        : () => {
            before()
            listener()
          }
  }
}

const lost = () => new Error("the message is the broker's again: it comes again")

/** What a delivery has beside its message and its signal. */
export type DeliveryFacts = Pick<Delivery, 'attempt' | 'position' | 'undecodable'>

/**
 * A delivery with the signal of a lease. A spread copy holds the signal, and so makes it. The accessor is an own property, for a spread to see it,
 * and the same for all, since a getter of its own would make each object a dictionary of a kilobyte.
 */
class LeasedDelivery implements Delivery {
  readonly id
  readonly topic
  readonly key
  readonly keyBytes
  readonly time
  readonly headers
  readonly body
  readonly tombstone
  readonly attempt
  readonly position
  readonly undecodable
  declare readonly signal: AbortSignal
  readonly #lease: Lease

  constructor(message: Message, { attempt, position, undecodable }: DeliveryFacts, lease: Lease) {
    this.id = message.id
    this.topic = message.topic
    this.key = message.key
    this.keyBytes = message.keyBytes
    this.time = message.time
    this.headers = message.headers
    this.body = message.body
    this.tombstone = message.tombstone
    this.attempt = attempt
    this.position = position
    this.undecodable = undecodable
    this.#lease = lease
    Object.defineProperty(this, 'signal', LeasedDelivery.#signal)
  }

  static readonly #signal: PropertyDescriptor & ThisType<LeasedDelivery> = {
    enumerable: true,
    get() {
      return this.#lease.signal
    },
  }

  static leaseOf(delivery: Delivery): Lease | undefined {
    return #lease in delivery ? delivery.#lease : undefined
  }
}

/** The delivery of a message for as long as the lease holds. */
export const leased = (message: Message, facts: DeliveryFacts, lease: Lease): Delivery =>
  new LeasedDelivery(message, facts, lease)

/** Whether the delivery has a lease, so that its signal is made when somebody asks for it. */
export const isLeased = (delivery: Delivery): boolean => LeasedDelivery.leaseOf(delivery) !== undefined

/** Calls the listener when the signal of the delivery is aborted, at once where it is, until the answer is called. It makes no signal. */
export const onLost = (delivery: Delivery, listener: () => void): Cancel => {
  const lease = LeasedDelivery.leaseOf(delivery)
  if (lease !== undefined) {
    lease.onLost(listener)
    return doNothing
  }
  const { signal } = delivery
  if (signal.aborted) listener()
  else signal.addEventListener('abort', listener, { once: true })
  return () => signal.removeEventListener('abort', listener)
}

/** Throws why the signal of the delivery is aborted, if it is. It makes no signal. */
export const throwIfLost = (delivery: Delivery): void => {
  const lease = LeasedDelivery.leaseOf(delivery)
  if (lease === undefined) delivery.signal.throwIfAborted()
  else lease.throwIfLost()
}

/** The lease ends with its delivery. */
const doNothing = () => undefined
