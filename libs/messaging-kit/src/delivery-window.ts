import { systemClock, type Cancel, type Clock } from '@armature/async/clock'
import { latch, type Latch } from '@armature/async/latch'
import { Lease, leased } from '@armature/messaging/lease'
import type { Handler } from '@armature/messaging/ports'
import type { Arrival } from './arrival.ts'
import { ring, type Ring } from '@armature/async/ring'
import { keyQueue, type KeyQueue } from './key-queue.ts'
import type { SubscribeSettings } from './subscribe-settings.ts'

export type { Arrival } from './arrival.ts'

export type WindowSettings = Pick<
  SubscribeSettings,
  'maxInFlight' | 'maxInFlightBytes' | 'serial' | 'redeliveryDelayMs'
>

export interface WindowParts {
  readonly handle: Handler
  readonly settings: WindowSettings
  /** Default: the machine's. */
  readonly clock?: Clock
}

/**
 * Stands between a broker's client and a handler. It bounds what is unsettled, keeps the order of a key, redelivers without the broker, and
 * is the fence that lets a late settlement count for nothing. Each subscription has one.
 */
export interface DeliveryWindow<Arrived extends Arrival = Arrival> {
  /**
   * Takes a message: its handler is called at once where there is room, else in the order of arrival. The caller stops offering while
   * `hasRoom` is false. After `stop` it is refused: answers false, and the message is the broker's.
   */
  offer(arrival: Arrived): boolean
  /** Whether a handler would be called at once, and no more than `maxInFlight` messages wait beside those in flight. */
  readonly hasRoom: boolean
  /** Resolves when there is room or the window was stopped. */
  room(): Promise<void>
  /** Messages that a handler has and did not settle. */
  readonly inFlight: number
  /** Messages that no handler has: behind their key, in wait for room or for their redelivery. */
  readonly waiting: number
  /** Resolves when nothing is in flight. */
  idle(): Promise<void>
  /** Calls no handler from now on. Returns the waiting messages, to be given back to the broker. */
  stop(): readonly Arrived[]
  /**
   * Lets go of some, as when a connection is lost or a partition moves: their signals are aborted, and how their handlers settle counts for
   * nothing. With `serial` their keys stay closed until they have settled all the same, so that a message that comes again is not handled
   * beside itself, and such handlers count towards the bounds. Answers all that were let go.
   */
  takeBack(which: (arrival: Arrived) => boolean): readonly Arrived[]
  /** `stop`, and takes back what is in flight. Answers all that is unsettled. */
  close(): readonly Arrived[]
}

interface Entry<Arrived> {
  readonly arrival: Arrived
  /** The size of the body. */
  readonly bytes: number
  attempt: number
  /** `abandoned`: let go of while its handler was at work, which it still is. */
  state: 'ready' | 'behind-key' | 'flying' | 'delayed' | 'abandoned' | 'gone'
  cancel: Cancel | undefined
  /** That of the handler that has it. */
  lease: Lease | undefined
}

/** The state of a window. */
interface Window<Arrived> extends Required<WindowParts> {
  /** All that is unsettled, in the order of arrival. */
  readonly entries: Set<Entry<Arrived>>
  readonly ready: Ring<Entry<Arrived>>
  readonly keys: KeyQueue<Entry<Arrived>>
  inFlight: number
  /** Handlers at work whose messages were let go of. */
  abandoned: number
  /** The bytes of all deliveries that handlers are at work on. */
  handledBytes: number
  isPumping: boolean
  isStopped: boolean
  readonly whenIdle: Latch
  readonly whenRoom: Latch
}

/** The window of one subscription. */
export const deliveryWindow = <Arrived extends Arrival = Arrival>({
  handle,
  settings,
  clock = systemClock(),
}: WindowParts): DeliveryWindow<Arrived> => {
  const window: Window<Arrived> = {
    ...{ handle, settings, clock },
    entries: new Set(),
    ready: ring(),
    keys: keyQueue(),
    inFlight: 0,
    abandoned: 0,
    handledBytes: 0,
    isPumping: false,
    isStopped: false,
    whenIdle: latch(),
    whenRoom: latch(),
  }
  return {
    offer: (arrival) => offer(window, arrival),
    get hasRoom() {
      return !window.isStopped && hasRoom(window)
    },
    room: () => (window.isStopped || hasRoom(window) ? Promise.resolve() : window.whenRoom.wait()),
    get inFlight() {
      return window.inFlight
    },
    get waiting() {
      return waiting(window)
    },
    idle: () => (window.inFlight === 0 ? Promise.resolve() : window.whenIdle.wait()),
    stop: () => stop(window),
    takeBack: (which) => takeBack(window, which),
    close: () => {
      const unsettled = [...window.entries].map(({ arrival }) => arrival)
      stop(window)
      takeBack(window, () => true)
      return unsettled
    },
  }
}

/** How many messages no handler has. */
const waiting = <Arrived>({ entries, inFlight }: Window<Arrived>): number => entries.size - inFlight

const atWork = <Arrived>({ inFlight, abandoned }: Window<Arrived>): number => inFlight + abandoned

const hasRoom = <Arrived>(window: Window<Arrived>): boolean => {
  const { maxInFlight, maxInFlightBytes } = window.settings
  return atWork(window) < maxInFlight && window.handledBytes < maxInFlightBytes && waiting(window) <= maxInFlight
}

/** The key that a message waits for, where there is one. */
const keyOf = <Arrived extends Arrival>({ settings }: Window<Arrived>, { arrival }: Entry<Arrived>) =>
  settings.serial ? arrival.message.key : undefined

const offer = <Arrived extends Arrival>(window: Window<Arrived>, arrival: Arrived): boolean => {
  if (window.isStopped) return false
  const entry: Entry<Arrived> = {
    arrival,
    bytes: arrival.message.body.byteLength,
    attempt: arrival.attempt,
    state: 'ready',
    cancel: undefined,
    lease: undefined,
  }
  window.entries.add(entry)
  const key = keyOf(window, entry)
  if (key !== undefined && !window.keys.enter(key, entry)) {
    entry.state = 'behind-key'
    return true
  }
  window.ready.push(entry)
  pump(window)
  return true
}

/** Calls handlers while there is room. A message that does not fit is not passed by a smaller one. */
const pump = <Arrived extends Arrival>(window: Window<Arrived>): void => {
  if (window.isPumping) return
  window.isPumping = true
  const { maxInFlight, maxInFlightBytes } = window.settings
  while (!window.isStopped && atWork(window) < maxInFlight) {
    const entry = window.ready.first
    if (entry === undefined) break
    const isGone = entry.state === 'gone'
    if (!isGone && atWork(window) > 0 && window.handledBytes + entry.bytes > maxInFlightBytes) break
    window.ready.shift()
    if (!isGone) fly(window, entry)
  }
  window.isPumping = false
  wake(window)
}

const wake = <Arrived>(window: Window<Arrived>): void => {
  if (window.inFlight === 0 && window.whenIdle.waiting > 0) window.whenIdle.open()
  if (window.whenRoom.waiting > 0 && (window.isStopped || hasRoom(window))) window.whenRoom.open()
}

const fly = <Arrived extends Arrival>(window: Window<Arrived>, entry: Entry<Arrived>): void => {
  entry.state = 'flying'
  entry.lease = new Lease()
  window.inFlight++
  window.handledBytes += entry.bytes
  const { arrival, attempt } = entry
  const { position, undecodable } = arrival
  let outcome: Promise<void>
  try {
    outcome = Promise.resolve(window.handle(leased(arrival.message, { attempt, position, undecodable }, entry.lease)))
  } catch {
    settle(window, entry, false)
    return
  }
  outcome.then(
    () => settle(window, entry, true),
    () => settle(window, entry, false),
  )
}

const settle = <Arrived extends Arrival>(window: Window<Arrived>, entry: Entry<Arrived>, isAcked: boolean): void => {
  window.handledBytes -= entry.bytes
  if (entry.state === 'abandoned') {
    window.abandoned--
    entry.state = 'gone'
    passKey(window, entry)
    return pump(window)
  }
  window.inFlight--
  const { arrival } = entry
  if (!isAcked && !window.isStopped && (window.settings.serial || arrival.reject === undefined)) {
    again(window, entry)
  } else {
    entry.state = 'gone'
    window.entries.delete(entry)
    passKey(window, entry)
    if (isAcked) arrival.ack()
    else arrival.reject?.()
  }
  pump(window)
}

/** Calls the handler again after the delay. */
const again = <Arrived extends Arrival>(window: Window<Arrived>, entry: Entry<Arrived>): void => {
  entry.state = 'delayed'
  entry.attempt++
  entry.cancel = window.clock.after(window.settings.redeliveryDelayMs, () => {
    entry.state = 'ready'
    window.ready.push(entry)
    pump(window)
  })
}

/** The next message of the key may go. */
const passKey = <Arrived extends Arrival>(window: Window<Arrived>, entry: Entry<Arrived>): void => {
  const key = keyOf(window, entry)
  if (key === undefined) return
  const next = window.keys.leave(key, ({ state }) => state === 'gone')
  if (next === undefined) return
  next.state = 'ready'
  window.ready.push(next)
}

const letGo = <Arrived extends Arrival>(window: Window<Arrived>, entry: Entry<Arrived>): void => {
  window.entries.delete(entry)
  entry.cancel?.()
  if (entry.state === 'flying') {
    window.inFlight--
    window.abandoned++
    entry.state = 'abandoned'
    entry.lease?.lose()
    return
  }
  const hasKey = entry.state !== 'behind-key'
  entry.state = 'gone'
  if (hasKey) passKey(window, entry)
}

const takeBack = <Arrived extends Arrival>(
  window: Window<Arrived>,
  which: (arrival: Arrived) => boolean,
): readonly Arrived[] => {
  const taken = [...window.entries].filter(({ arrival }) => which(arrival))
  for (const entry of taken) letGo(window, entry)
  pump(window)
  return taken.map(({ arrival }) => arrival)
}

const stop = <Arrived extends Arrival>(window: Window<Arrived>): readonly Arrived[] => {
  window.isStopped = true
  const taken = [...window.entries].filter(({ state }) => state !== 'flying')
  for (const entry of taken) letGo(window, entry)
  wake(window)
  return taken.map(({ arrival }) => arrival)
}
