import { backoffMs } from '@armature/async/backoff'
import type { Clock } from '@armature/async/clock'
import { ConnectError } from '@armature/messaging/errors'
import type { Driver, Publisher } from '@armature/messaging/ports'
import { publishRun } from '@armature/messaging/publish-run'
import { tracedPublisher } from '@armature/messaging/trace'
import { wait } from '@armature/async/wait'
import { within } from '@armature/async/within'
import type { Logger } from '@armature/telemetry/logger'

export interface LateBrokerOptions {
  readonly open: () => Promise<Driver>
  readonly clock: Clock
  readonly log: Pick<Logger, 'info' | 'warn'>
  /** The longest upper end of a wait between two attempts; the first one's is 100 ms, each next one's twice as long. */
  readonly maxRetryDelayMs: number
  /** Numbers from 0 to below 1. Default `Math.random`. */
  readonly random?: () => number
}

/** A broker that need not be there at the start. */
export interface LateBroker {
  /** To be used once `opened` has resolved. */
  readonly publisher: Publisher
  /** Resolves when the broker is there. Rejects like `failed`, and when closed. */
  readonly opened: Promise<unknown>
  /** Resolves when the broker is there, or after `limitMs` without it. Rejects like `failed`. */
  begun(limitMs: number): Promise<void>
  /** Rejects when no waiting helps: the URL, the credentials or the certificate are wrong. */
  readonly failed: Promise<never>
  /** Why it is not there yet. */
  readonly outage: string | undefined
  /** Safe to call twice. */
  close(): Promise<void>
}

const firstRetryDelayMs = 100

/** Opens a broker, again and again while it is away. */
export const lateBroker = (options: LateBrokerOptions): LateBroker => {
  const { open, clock, log, maxRetryDelayMs, random = Math.random } = options
  const closing = new AbortController()
  const { signal } = closing
  let outage: string | undefined = 'it is not connected yet'
  let closed: Promise<void> | undefined

  const opened = async (): Promise<Driver> => {
    for (let attempt = 1; ; attempt++) {
      try {
        const driver = await open()
        outage = undefined
        if (attempt > 1) log.info('the broker is there: lines of the spool are published')
        return driver
      } catch (error) {
        if (signal.aborted || !isAway(error)) throw error
        outage = error.message
        if (attempt === 1) log.warn({ err: error }, 'the broker is away: lines are kept in the spool until it is there')
        await wait(clock, backoffMs(firstRetryDelayMs, maxRetryDelayMs, attempt, random), signal)
      }
    }
  }

  const opening = opened()
  const publisher = opening.then((driver) => tracedPublisher(driver, { system: driver.scheme }))
  const failed = opening.then(
    () => new Promise<never>(() => undefined),
    (error: unknown) => (signal.aborted ? new Promise<never>(() => undefined) : Promise.reject(error as Error)),
  )
  for (const promise of [publisher, failed]) promise.catch(() => undefined)

  /** An attempt under way is not waited for: what it opens is closed when it is there. */
  const close = async () => {
    const isThere = outage === undefined
    closing.abort(new Error('the log shipper is closed'))
    const closedDriver = opening.then((driver) => driver.close())
    if (isThere) await closedDriver
    else closedDriver.catch(() => undefined)
  }

  const closeOnce = () => (closed ??= close())

  return {
    opened: publisher,
    publisher: {
      publish: async (topic, messages) => (await publisher).publish(topic, messages),
      publishRun: async (topic, run) => publishRun(await publisher, topic, run),
      close: closeOnce,
    },
    begun: async (limitMs) => {
      await within(limitMs, opening, clock)
    },
    failed,
    get outage() {
      return outage
    },
    close: closeOnce,
  }
}

const isAway = (error: unknown): error is ConnectError => error instanceof ConnectError && error.fault === 'unavailable'
