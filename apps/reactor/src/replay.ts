import { backoffMs } from '@armature/async/backoff'
import type { Clock } from '@armature/async/clock'
import { wait } from '@armature/async/wait'
import type { Registration } from '@armature/messaging/on'
import type { Driver, Handler } from '@armature/messaging/ports'
import { RedeliverError } from '@armature/messaging/redeliver-error'
import { runHandler } from '@armature/messaging/run-handler'
import type { StoredMessage } from '@armature/messaging/topic-browser'
import { matches } from '@armature/messaging/topic-pattern'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { createLedger } from '@armature/telemetry/ledger'
import type { Telemetry } from '@armature/telemetry/telemetry'

export interface ReplayOptions {
  readonly driver: Driver
  readonly registrations: readonly Registration[]
  readonly clock: Clock
  readonly telemetry: Telemetry
  /** The group of the handlers, as the service has it: an inbox knows them by it. */
  readonly group: string
  readonly defaults: { readonly timeoutMs: number; readonly maxInFlight: number; readonly maxInFlightBytes: number }
  readonly topic: string
  /** When the broker stored the messages: from this time, and before that. */
  readonly from: Date
  readonly to: Date
  readonly max: number
  /** Messages of the topic that are looked at, from the oldest on. Default 10,000,000. */
  readonly maxLooked?: number
  readonly signal: AbortSignal
}

export interface Replayed {
  /** Messages that were given to handlers. */
  readonly messages: number
  /** False where there may be more: than `max` or `maxLooked`, or because the signal was aborted. */
  readonly complete: boolean
}

/** Deliveries of one message to a handler that asks for it again. */
const maxDeliveries = 5
const firstDelayMs = 100
const longestDelayMs = 5_000

/**
 * Gives the messages that a topic holds to the handlers of that topic, one after the other, in the order of the topic, without a consumer group: the
 * place of the service stays where it is. Retries and dead letters are as in the service. Rejects with ServiceError: 64 for a broker that does not keep
 * what was handled, for a topic without a handler and for a handler of a join, 75 when a handler goes on asking for a message again.
 */
export const replay = async (options: ReplayOptions): Promise<Replayed> => {
  const { driver, topic, from, to, max, maxLooked = 10_000_000, signal } = options
  const { browser } = driver
  if (browser === undefined || !driver.guarantees.replay) {
    throw new ServiceError(`a ${driver.scheme}: broker does not keep messages that were handled`, {
      exitCode: exitCodes.usage,
      fix: 'Replay from kafka:, jetstream: or redis-streams:',
    })
  }
  const handlers = await handlersOf(options)
  let messages = 0
  let looked = 0
  for await (const stored of browser.browse(topic, { max: maxLooked + 1, signal })) {
    looked += 1
    if (signal.aborted || looked > maxLooked) return { messages, complete: false }
    if (stored.storedAt < from || stored.storedAt >= to) continue
    if (messages >= max) return { messages, complete: false }
    for (const handle of handlers) await handleOne(handle, stored, options)
    messages += 1
  }
  return { messages, complete: !signal.aborted }
}

/** The handlers with all that is around them. A driver that only keeps what it is asked to call takes the place of the subscription. */
const handlersOf = async (options: ReplayOptions): Promise<readonly Handler[]> => {
  const { driver, registrations, clock, telemetry, group, defaults, topic } = options
  const concerned = registrations.filter((each) => matches(each.topic, topic))
  if (concerned.length === 0) {
    const known = registrations.map((each) => `${each.options.name} (${each.topic})`).join(', ')
    throw new ServiceError(`no handler takes messages of ${topic}`, {
      exitCode: exitCodes.usage,
      fix: known === '' ? 'There are no handlers' : `The handlers are ${known}`,
    })
  }
  const part = concerned.find(({ join }) => join !== undefined)
  if (part?.join !== undefined) {
    throw new ServiceError(`the handler ${part.options.name} waits for the other topics of the join ${part.join}`, {
      exitCode: exitCodes.usage,
      fix: 'Name another handler of the topic by --handler, or publish the messages of all its topics again',
    })
  }
  const handlers: Handler[] = []
  const nothing = () => Promise.resolve()
  const capturing: Driver = {
    ...driver,
    subscribe: (_, handle) => {
      handlers.push(handle)
      return Promise.resolve({ stop: nothing, idle: nothing, close: nothing, inFlight: 0 })
    },
  }
  const ledger = createLedger({ stage: 'replay', inFlight: () => 0, metrics: telemetry.metrics })
  for (const each of concerned) {
    await runHandler(each, { driver: capturing, clock, telemetry, ledger, group, defaults })
  }
  return handlers
}

const handleOne = async (
  handle: Handler,
  stored: StoredMessage,
  { clock, topic, signal }: ReplayOptions,
): Promise<void> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await handle({ ...stored, attempt, signal })
    } catch (error) {
      signal.throwIfAborted()
      if (attempt < maxDeliveries) {
        await wait(clock, backoffMs(firstDelayMs, longestDelayMs, attempt), signal)
        continue
      }
      const why = error instanceof RedeliverError ? error.message : String(error)
      throw new ServiceError(`the message ${stored.id} of ${topic} was not handled in ${attempt} deliveries: ${why}`, {
        exitCode: exitCodes.temporary,
        fix: `Begin again from ${stored.storedAt.toISOString()} when it can be`,
        cause: error,
      })
    }
  }
}
