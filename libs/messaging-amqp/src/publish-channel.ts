import type { ConfirmChannel, Message as AmqpMessage } from 'amqplib'
import { closeChannel } from './channel.ts'
import type { AmqpSession } from './session.ts'

/** The destination of a message. Together with the message's id it identifies a message that the broker returns. */
export interface Destination {
  readonly exchange: string
  readonly routingKey: string
}

/** A confirm channel, and what its client does not say by itself. */
export interface PublishChannel {
  readonly session: AmqpSession
  readonly channel: ConfirmChannel
  readonly isOpen: boolean
  /** A time of `performance.now()`. */
  readonly openedAtMs: number
  /** Runs a job on it. */
  use<Result>(job: () => Promise<Result>): Promise<Result>
  /** Ends the channel once no job uses it. */
  retire(): void
  /** Adds to `returned` which of these messages the broker returns, until the function that it answers is called. */
  catchReturns(to: Destination, ids: readonly string[], returned: Set<string>): () => void
  /** Resolves when the client takes more, or never will. */
  drained(): Promise<void>
  /**
   * Resolves when the exchange is still the one of the mark, after all that was published here before the call. Rejects where it is not, and the
   * channel ends.
   */
  checkMark(): Promise<void>
}

export interface PublishChannelParts {
  readonly session: AmqpSession
  readonly channel: ConfirmChannel
  /** The answer of `findMark`; undefined = the exchange cannot be watched. */
  readonly mark: string | undefined
  /** The channel takes nothing more. Called once. */
  readonly onClose: () => void
}

/** Watches a confirm channel. Nobody else has to listen to its errors and its end. */
export const publishChannel = ({ session, channel, mark, onClose }: PublishChannelParts): PublishChannel => {
  let isOpen = true
  let draining: PromiseWithResolvers<void> | undefined
  const returns = returnCatcher()
  let users = 0
  let isRetired = false
  const endIfUnused = () => {
    if (isRetired && users === 0 && isOpen) void closeChannel(channel)
  }
  const drain = () => {
    draining?.resolve()
    draining = undefined
  }
  channel.on('error', () => undefined)
  channel.on('close', () => {
    isOpen = false
    drain()
    onClose()
  })
  channel.on('drain', drain)
  channel.on('return', returns.onReturn)

  return {
    session,
    channel,
    get isOpen() {
      return isOpen
    },
    openedAtMs: performance.now(),
    use: async (job) => {
      users++
      try {
        return await job()
      } finally {
        users--
        endIfUnused()
      }
    },
    retire: () => {
      isRetired = true
      endIfUnused()
    },
    catchReturns: returns.catchReturns,
    drained: () => {
      if (!isOpen) return Promise.resolve()
      draining ??= Promise.withResolvers()
      return draining.promise
    },
    checkMark: mark === undefined ? () => Promise.resolve() : oncePerTurn(() => channel.checkExchange(mark)),
  }
}

/** Tells each caller which of its messages the broker returned. */
const returnCatcher = () => {
  /** Several callers may publish equal messages to the same place. */
  const catchers = new Map<string, Set<Set<string>>>()

  /** The broker sends a return before the confirm of the same message. */
  const onReturn = ({ fields: { exchange, routingKey }, properties }: AmqpMessage) => {
    const id: unknown = properties.headers?.['cloudEvents_id']
    if (typeof id !== 'string') return
    for (const returned of catchers.get(returnKey({ exchange, routingKey }, id)) ?? []) returned.add(id)
  }

  const catchReturns: PublishChannel['catchReturns'] = (to, ids, returned) => {
    const keys = ids.map((id) => returnKey(to, id))
    for (const key of keys) {
      const others = catchers.get(key)
      if (others === undefined) catchers.set(key, new Set([returned]))
      else others.add(returned)
    }
    return () => {
      for (const key of keys) {
        const others = catchers.get(key)
        others?.delete(returned)
        if (others?.size === 0) catchers.delete(key)
      }
    }
  }

  return { onReturn, catchReturns }
}

const returnKey = ({ exchange, routingKey }: Destination, id: string): string => `${exchange}\n${routingKey}\n${id}`

/**
 * Runs the job once for all who ask in one turn of the event loop, or while an earlier run is under way. The run that they share begins after the
 * last of them asked.
 */
const oncePerTurn = (job: () => Promise<unknown>): (() => Promise<void>) => {
  let running: Promise<unknown> = Promise.resolve()
  let next: Promise<void> | undefined

  const run = async () => {
    await running
    await new Promise((resolve) => setImmediate(resolve))
    next = undefined
    running = job()
    await running
  }
  return () => (next ??= run())
}
