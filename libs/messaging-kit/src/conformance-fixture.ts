import { randomUUID } from 'node:crypto'
import { afterEach, test, vi } from 'vitest'
import { PublishError } from '@armature/messaging/errors'
import { message, type Message } from '@armature/messaging/message'
import type { Delivery, Driver, Guarantees, Handler, Subscription } from '@armature/messaging/ports'

/** A connection that the suite can also end as the death of its process would. */
export interface KillableDriver {
  readonly driver: Driver
  /** Cuts the connection off with nothing more sent: no acknowledgement, no farewell. */
  kill(): Promise<void> | void
}

/** A connection that the suite can break off, again and again. */
export interface CuttableDriver {
  readonly driver: Driver
  /** Ends the sockets there are, at once, and lets the driver connect again. Answers how many there were. */
  cut(): number
}

/** A broker of the suite's own, which it may kill. */
export interface RestartableBroker {
  /** A new connection; `publishWaitMs` is the option of that name. */
  open(options: { readonly publishWaitMs?: number }): Promise<Driver>
  /** Ends the broker at once, with SIGKILL; its data stay. */
  crash(): Promise<void>
  /** Starts it again on the same port and data. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export interface ConformanceOptions extends Guarantees {
  /** A new connection to the same broker, each time. */
  readonly open: () => Promise<Driver>
  /** The same, with a way to kill it. Without it, what a killed consumer leaves behind is not tested. */
  readonly openKillable?: () => Promise<KillableDriver>
  /** The same, with a way to break its sockets off. Without it, what is confirmed over connections that break off is not tested. */
  readonly openCuttable?: () => Promise<CuttableDriver>
  /** Starts a broker of its own. Without it, what happens when a broker dies is not tested. */
  readonly openRestartable?: () => Promise<RestartableBroker>
  /** Members of a group get messages side by side. Default true; false where one at a time does, so that order is kept. */
  readonly membersShare?: boolean
  /** Whether the driver has a browser. Default false. */
  readonly browser?: boolean
  /** A topic that no other test uses, of those that the browser shows, where the broker does not keep all. Default `uniqueTopic`. */
  readonly browserTopic?: () => string
  /**
   * Sends a message as a client that knows nothing of ours does, with the protocol's own client. Without it, foreign and undecodable
   * messages are not tested.
   */
  readonly publishRaw?: (topic: string, headers: Readonly<Record<string, string>>, body: Uint8Array) => Promise<void>
  /** Whether `publishRaw` can send headers. Default true. */
  readonly rawHeaders?: boolean
  /** The driver's `closeWaitMs`. Default 5,000. */
  readonly closeWaitMs?: number
  /** The largest body that the broker takes. Without it, messages at and over the limit are not tested. */
  readonly maxMessageBytes?: number
  /** How long each wait may last. Default 5,000. */
  readonly deadlineMs?: number
}

/** The fixture that the parts of the suite share. */
export interface Conformance {
  readonly options: ConformanceOptions
  readonly deadlineMs: number
  /** A connection that is closed after the test. */
  readonly connect: () => Promise<Driver>
  readonly connectKillable: () => Promise<KillableDriver>
  /** The driver is closed after the test. */
  readonly closing: (driver: Driver) => Driver
  /** Waits until `assertion` no longer throws. */
  readonly eventually: (assertion: () => void | Promise<void>) => Promise<void>
  /** The same with a deadline of its own, for what is slower than messages: a broker's start. */
  readonly eventuallyWithin: (withinMs: number, assertion: () => void | Promise<void>) => Promise<void>
  /** A test of what the driver declares; of what it does not declare, a line that says so. */
  readonly declared: (condition: boolean, what: string, run: () => Promise<void>) => void
}

export const conformanceFixture = (options: ConformanceOptions): Conformance => {
  const { deadlineMs = 5_000 } = options
  let open: Driver[] = []

  afterEach(async () => {
    const drivers = open
    open = []
    await Promise.all(drivers.map((driver) => driver.close()))
  })

  const eventuallyWithin: Conformance['eventuallyWithin'] = (timeout, assertion) =>
    vi.waitFor(assertion, { timeout, interval: 5 })

  const closing = (driver: Driver): Driver => {
    open.push(driver)
    return driver
  }

  return {
    options,
    deadlineMs,
    connect: async () => closing(await options.open()),
    connectKillable: async () => {
      if (options.openKillable === undefined) throw new Error('no way to kill a connection is given')
      const killable = await options.openKillable()
      closing(killable.driver)
      return killable
    },
    closing,
    eventually: (assertion) => eventuallyWithin(deadlineMs, assertion),
    eventuallyWithin,
    declared: (condition, what, run) => {
      if (condition) test(what, { timeout: 3 * deadlineMs }, run)
      else test(`not declared, so not tested: ${what}`, () => undefined)
    },
  }
}

/** Publishes where perhaps nobody listens, which some brokers refuse: then nobody gets the messages either. */
export const publishAside = async (driver: Driver, topic: string, messages: readonly Message[]): Promise<void> => {
  try {
    await driver.publish(topic, messages)
  } catch (error) {
    if (!(error instanceof PublishError) || error.fault !== 'unroutable') throw error
  }
}

/** A topic that no other test uses, of two tokens. */
export const uniqueTopic = (): string => `conformance.${randomUUID()}`

/** `count` messages with bodies and ids of their own, with the keys in turn. */
export const numbered = (topic: string, count: number, keys: readonly string[] = []): Message[] =>
  Array.from({ length: count }, (_, index) => {
    const key = keys[index % keys.length]
    return message(topic, String(index), { id: `${index}-${randomUUID()}`, ...(key === undefined ? {} : { key }) })
  })

export const idsOf = (messages: readonly Message[]): string[] => messages.map(({ id }) => id)

/** The number that `numbered` gave the message. */
export const numberOf = ({ id }: Message): number => Number.parseInt(id, 10)

/** The deliveries that a handler saw. */
export interface Recorder {
  readonly handle: Handler
  readonly deliveries: Delivery[]
  /** Ids in order of their first delivery. */
  ids(): string[]
  readonly acked: Delivery[]
  readonly rejected: number
  readonly unsettled: number
  readonly unsettledBytes: number
  readonly most: { unsettled: number; bytes: number }
}

/** Records what is delivered; `settle` decides. */
export const recorder = (settle: Handler = async () => undefined): Recorder => {
  const deliveries: Delivery[] = []
  const acked: Delivery[] = []
  const most = { unsettled: 0, bytes: 0 }
  let rejected = 0
  let unsettled = 0
  let unsettledBytes = 0

  const handle: Handler = async (delivery) => {
    const bytes = delivery.body.byteLength
    deliveries.push(delivery)
    unsettled++
    unsettledBytes += bytes
    most.unsettled = Math.max(most.unsettled, unsettled)
    // One message alone may be larger than the bound.
    if (unsettled > 1) most.bytes = Math.max(most.bytes, unsettledBytes)
    try {
      await settle(delivery)
      acked.push(delivery)
    } catch (error) {
      rejected++
      throw error
    } finally {
      unsettled--
      unsettledBytes -= bytes
    }
  }

  return {
    handle,
    deliveries,
    ids: () => [...new Set(idsOf(deliveries))],
    acked,
    most,
    get rejected() {
      return rejected
    },
    get unsettled() {
      return unsettled
    },
    get unsettledBytes() {
      return unsettledBytes
    },
  }
}

/** Handlers that wait until they are let go, one at a time or all. */
export const turnstile = () => {
  let waiting: (() => void)[] = []
  let isOpen = false
  return {
    pass: (): Promise<void> => (isOpen ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    one: () => waiting.shift()?.(),
    open: () => {
      isOpen = true
      for (const resolve of waiting) resolve()
      waiting = []
    },
  }
}

/** Stops intake, lets what is in flight settle, closes. */
export const drain = async (...subscriptions: Subscription[]) => {
  await Promise.all(subscriptions.map((subscription) => subscription.stop()))
  await Promise.all(subscriptions.map((subscription) => subscription.idle()))
  await Promise.all(subscriptions.map((subscription) => subscription.close()))
}
