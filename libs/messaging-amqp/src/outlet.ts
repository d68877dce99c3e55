import type { ConfirmChannel, Message as AmqpMessage } from 'amqplib'
import type { AmqpSession } from './connection.ts'
import { closeChannel } from './topology.ts'

/** Where a message goes, and by what the broker's return of it is known. */
export interface Destination {
  readonly exchange: string
  readonly key: string
}

/** A confirm channel, and what its client does not say by itself. */
export interface Outlet {
  readonly session: AmqpSession
  readonly channel: ConfirmChannel
  readonly isOpen: boolean
  /** By `performance.now()`. */
  readonly openedAtMs: number
  /** Runs a job on it. */
  use<Result>(job: () => Promise<Result>): Promise<Result>
  /** Ends the channel once no job uses it. */
  retire(): void
  /** Adds to `returned` which of these messages the broker returns, until what it answers is called. */
  catchReturns(to: Destination, ids: readonly string[], returned: Set<string>): () => void
  /** Resolves when the client takes more, or never will. */
  drained(): Promise<void>
  /** Resolves when the exchange, after all that was published here before, is the one of the mark. Rejects, and the channel ends, where not. */
  checkMark(): Promise<void>
}

export interface OutletParts {
  readonly session: AmqpSession
  readonly channel: ConfirmChannel
  /** What `findMark` answers; undefined = the exchange cannot be watched. */
  readonly mark: string | undefined
  readonly onClose: () => void
}

/** Watches the channel. Its errors and its end are the outlet's; `onClose` is called once it takes nothing more. */
export const amqpOutlet = ({ session, channel, mark, onClose }: OutletParts): Outlet => {
  let isOpen = true
  let draining: PromiseWithResolvers<void> | undefined
  /** Several callers may publish what looks the same there. */
  const catchers = new Map<string, Set<Set<string>>>()
  let users = 0
  let isRetired = false
  const endIfIdle = () => {
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
  // The broker sends it before the confirm of the same message.
  channel.on('return', ({ fields: { exchange, routingKey }, properties }: AmqpMessage) => {
    const id: unknown = properties.headers?.['cloudEvents_id']
    if (typeof id !== 'string') return
    for (const returned of catchers.get(returnKey({ exchange, key: routingKey }, id)) ?? []) returned.add(id)
  })

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
        endIfIdle()
      }
    },
    retire: () => {
      isRetired = true
      endIfIdle()
    },
    catchReturns: (to, ids, returned) => {
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
    },
    drained: () => {
      if (!isOpen) return Promise.resolve()
      draining ??= Promise.withResolvers()
      return draining.promise
    },
    checkMark: mark === undefined ? () => Promise.resolve() : oncePerTurn(() => channel.checkExchange(mark)),
  }
}

const returnKey = ({ exchange, key }: Destination, id: string): string => `${exchange}\n${key}\n${id}`

/** Those who ask in one turn of the event loop, or while an earlier run is under way, share the next run, which begins after all of them. */
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
