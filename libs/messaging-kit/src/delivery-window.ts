import { systemClock, type Cancel, type Clock } from '@armature/async/clock'
import type { UnrecoverableError } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import type { Delivery, Handler } from '@armature/messaging/ports'
import type { Position } from '@armature/messaging/position'
import { ring, type Ring } from '@armature/async/ring'
import type { SubscribeSettings } from './subscribe-settings.ts'

/** A message as it came from the broker, and how it is settled there. */
export interface Arrival {
  readonly message: Message
  /** 1 for the first delivery. */
  readonly attempt: number
  readonly position?: Position | undefined
  /** Why it could not be decoded; the message then holds what came as it came. */
  readonly undecodable?: UnrecoverableError | undefined
  /** The handler resolved. Called at most once; must not throw. */
  ack(): void
  /**
   * The handler rejected: the broker is to bring the message again after the delay. Called at most once; must not throw. Without it the
   * window calls the handler again by itself.
   */
  reject?(): void
}

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
 * What is between a broker's client and a handler: the bounds on what is unsettled, the order of a key, redelivery without the
 * broker, and the fence that lets a late settlement count for nothing. One for a subscription.
 */
export interface DeliveryWindow {
  /**
   * Takes a message: its handler is called at once where there is room, else in the order of arrival. The caller stops offering while
   * `hasRoom` is false. After `stop` it is refused: answers false, and the message is the broker's.
   */
  offer(arrival: Arrival): boolean
  /** Whether a handler would be called at once, and no more than `maxInFlight` messages are held beside those in flight. */
  readonly hasRoom: boolean
  /** Resolves when there is room or the window was stopped. */
  room(): Promise<void>
  /** Messages that a handler has and did not settle. */
  readonly inFlight: number
  /** Messages that no handler has: behind their key, in wait for room or for their redelivery. */
  readonly held: number
  /** Resolves when nothing is in flight. */
  idle(): Promise<void>
  /** Calls no handler from now on. Answers what was held, to be given back to the broker. */
  stop(): readonly Arrival[]
  /**
   * Lets go of some, as when a connection is lost or a partition moves: their signals are aborted, and how their handlers settle counts for
   * nothing. With `serial` their keys stay closed until they have settled all the same, so that a message that comes again is not handled
   * beside itself, and such handlers count towards the bounds. Answers all that were let go.
   */
  takeBack(which: (arrival: Arrival) => boolean): readonly Arrival[]
  /** `stop`, and takes back what is in flight. Answers all that is unsettled. */
  close(): readonly Arrival[]
}

interface Entry {
  readonly arrival: Arrival
  readonly bytes: number
  attempt: number
  /** `abandoned`: let go of while its handler was at work, which it still is. */
  state: 'ready' | 'behind-key' | 'flying' | 'delayed' | 'abandoned' | 'gone'
  cancel: Cancel | undefined
  /** Of this delivery. Made when somebody asks for its signal. */
  controller: AbortController | undefined
}

/** The window of one subscription. */
export const deliveryWindow = ({ handle, settings, clock = systemClock() }: WindowParts): DeliveryWindow => {
  const { maxInFlight, maxInFlightBytes, serial, redeliveryDelayMs } = settings
  /** All that is unsettled, in the order of arrival. */
  const entries = new Set<Entry>()
  const ready = ring<Entry>()
  /** With `serial`: the keys of which a message is on its way, and what waits behind it. */
  const keys = new Map<string, Ring<Entry>>()
  let inFlight = 0
  /** Handlers at work whose messages were let go of. */
  let abandoned = 0
  /** Of all that handlers are at work on. */
  let handledBytes = 0
  let pumping = false
  let stopped = false
  let whenIdle: (() => void)[] = []
  let whenRoom: (() => void)[] = []

  const held = () => entries.size - inFlight
  const atWork = () => inFlight + abandoned
  const hasRoom = () => atWork() < maxInFlight && handledBytes < maxInFlightBytes && held() <= maxInFlight

  const call = (waiting: (() => void)[]) => {
    for (const resolve of waiting) resolve()
  }

  const wake = () => {
    if (inFlight === 0 && whenIdle.length > 0) {
      const due = whenIdle
      whenIdle = []
      call(due)
    }
    if (whenRoom.length > 0 && (stopped || hasRoom())) {
      const due = whenRoom
      whenRoom = []
      call(due)
    }
  }

  /** The next message of the key may go. */
  const passKey = ({ arrival }: Entry) => {
    const { key } = arrival.message
    if (!serial || key === undefined) return
    const behind = keys.get(key)
    let next = behind?.shift()
    while (next?.state === 'gone') next = behind?.shift()
    if (next === undefined) {
      keys.delete(key)
      return
    }
    next.state = 'ready'
    ready.push(next)
  }

  const again = (entry: Entry) => {
    entry.state = 'delayed'
    entry.attempt++
    entry.cancel = clock.after(redeliveryDelayMs, () => {
      entry.state = 'ready'
      ready.push(entry)
      pump()
    })
  }

  const settle = (entry: Entry, acknowledged: boolean) => {
    handledBytes -= entry.bytes
    if (entry.state === 'abandoned') {
      abandoned--
      entry.state = 'gone'
      passKey(entry)
      return pump()
    }
    inFlight--
    const { arrival } = entry
    if (!acknowledged && !stopped && (serial || arrival.reject === undefined)) {
      again(entry)
    } else {
      entry.state = 'gone'
      entries.delete(entry)
      passKey(entry)
      if (acknowledged) arrival.ack()
      else arrival.reject?.()
    }
    pump()
  }

  const fly = (entry: Entry) => {
    const { message, position, undecodable } = entry.arrival
    const { id, topic, key, keyBytes, time, headers, body, tombstone } = message
    entry.state = 'flying'
    entry.controller = undefined
    inFlight++
    handledBytes += entry.bytes
    const { attempt } = entry
    const delivery: Delivery = {
      ...{ id, topic, key, keyBytes, time, headers, body, tombstone },
      ...{ attempt, position, undecodable },
      get signal() {
        return controllerOf(entry).signal
      },
    }
    let outcome: Promise<void>
    try {
      outcome = Promise.resolve(handle(delivery))
    } catch {
      settle(entry, false)
      return
    }
    outcome.then(
      () => settle(entry, true),
      () => settle(entry, false),
    )
  }

  /** Calls handlers while there is room. A message that does not fit is not passed by a smaller one. */
  const pump = () => {
    if (pumping) return
    pumping = true
    while (!stopped && atWork() < maxInFlight) {
      const entry = ready.first
      if (entry === undefined) break
      const isGone = entry.state === 'gone'
      if (!isGone && atWork() > 0 && handledBytes + entry.bytes > maxInFlightBytes) break
      ready.shift()
      if (!isGone) fly(entry)
    }
    pumping = false
    wake()
  }

  const letGo = (entry: Entry) => {
    entries.delete(entry)
    entry.cancel?.()
    if (entry.state === 'flying') {
      inFlight--
      abandoned++
      entry.state = 'abandoned'
      entry.controller?.abort(lost())
      return
    }
    const holdsKey = entry.state !== 'behind-key'
    entry.state = 'gone'
    if (holdsKey) passKey(entry)
  }

  const takeBack = (which: (arrival: Arrival) => boolean): readonly Arrival[] => {
    const taken = [...entries].filter(({ arrival }) => which(arrival))
    taken.forEach(letGo)
    pump()
    return taken.map(({ arrival }) => arrival)
  }

  const stop = (): readonly Arrival[] => {
    stopped = true
    const taken = [...entries].filter(({ state }) => state !== 'flying')
    taken.forEach(letGo)
    wake()
    return taken.map(({ arrival }) => arrival)
  }

  return {
    offer: (arrival) => {
      if (stopped) return false
      const { key, body } = arrival.message
      const entry: Entry = {
        arrival,
        bytes: body.byteLength,
        attempt: arrival.attempt,
        state: 'ready',
        cancel: undefined,
        controller: undefined,
      }
      entries.add(entry)
      const behind = serial && key !== undefined ? keys.get(key) : undefined
      if (behind !== undefined) {
        entry.state = 'behind-key'
        behind.push(entry)
        return true
      }
      if (serial && key !== undefined) keys.set(key, ring())
      ready.push(entry)
      pump()
      return true
    },
    get hasRoom() {
      return !stopped && hasRoom()
    },
    room: () => (stopped || hasRoom() ? Promise.resolve() : new Promise<void>((resolve) => whenRoom.push(resolve))),
    get inFlight() {
      return inFlight
    },
    get held() {
      return held()
    },
    idle: () => (inFlight === 0 ? Promise.resolve() : new Promise<void>((resolve) => whenIdle.push(resolve))),
    stop,
    takeBack,
    close: () => {
      const unsettled = [...entries].map(({ arrival }) => arrival)
      stop()
      takeBack(() => true)
      return unsettled
    },
  }
}

const lost = () => new Error("the message is the broker's again: it comes again")

const controllerOf = (entry: Entry): AbortController => {
  entry.controller ??= new AbortController()
  if (entry.state === 'abandoned' && !entry.controller.signal.aborted) entry.controller.abort(lost())
  return entry.controller
}
