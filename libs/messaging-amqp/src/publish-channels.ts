import { systemClock } from '@armature/async/clock'
import type { AmqpConnection } from './connection.ts'
import { brokerText, replyCode } from './faults.ts'
import { findMark } from './mark.ts'
import { publishChannel, type PublishChannel } from './publish-channel.ts'
import { createRebindWait, lookEveryMs } from './rebind-wait.ts'
import type { AmqpSession } from './session.ts'
import type { AmqpSettings } from './settings.ts'
import { declareExchange, exchangeExists } from './topology.ts'

/** The channel to publish on: opened at the first publish, and anew after it was lost or refused messages for a while. */
export interface PublishChannels {
  /** The open channel. Waits `waitMs` at most for a connection. Rejects with ConnectError, TopologyError, or as the client does. */
  open(waitMs: number): Promise<PublishChannel>
  /** Replaces a channel that refused a message. */
  renew(refusing: PublishChannel): void
  /** Resolves to true when the running subscribers have bound their queues to an exchange that was made again, to false after `limitMs`. */
  isBoundAgain(limitMs: number): Promise<boolean>
}

export interface PublishChannelsParts {
  readonly connection: AmqpConnection
  readonly settings: AmqpSettings
  readonly warn: (problem: string) => void
  /** Aborted when the publisher ends. */
  readonly signal: AbortSignal
  /** The exchange is another than before: nobody knows which queues were bound to it when it took what is not confirmed yet. */
  readonly onExchangeReplaced: () => void
}

type State =
  | { readonly name: 'none' }
  | { readonly name: 'opening'; readonly channel: Promise<PublishChannel> }
  | { readonly name: 'open'; readonly channel: PublishChannel }

/** Messages that the client takes before it asks to wait for the socket. */
const highWaterMark = 4_096
/** A channel that refuses is replaced once it has this age, so that callers who meet a full queue do not open one each. */
const renewAfterMs = 1_000
const notFound = 404

/** Opens nothing before `open` is called. */
export const publishChannels = (parts: PublishChannelsParts): PublishChannels => {
  const { connection, settings, warn, onExchangeReplaced } = parts
  const { exchange } = settings
  let state: State = { name: 'none' }
  /** The mark of the exchange that the last channel published to. */
  let mark: string | undefined
  const rebindWait = createRebindWait({
    look: async () => {
      const session = await connection.session(lookEveryMs)
      if (!(await exchangeExists(session, exchange))) await declareExchange(session, settings)
    },
    clock: systemClock(),
    signal: parts.signal,
  })
  let wasWarnedUnwatched = false

  const openNew = async (waitMs: number): Promise<PublishChannel> => {
    const session = await connection.session(waitMs)
    await declareExchange(session, settings)
    if (mark !== undefined && !(await exchangeExists(session, mark))) expectBindings()
    mark ??= await findMark(session, settings).catch((error: unknown) => publishUnwatched(session, error))
    const channel = await session.model.createConfirmChannel({ highWaterMark })
    const opened = publishChannel({
      session,
      channel,
      mark,
      onClose: () => {
        if (state.name === 'open' && state.channel === opened) state = { name: 'none' }
      },
    })
    state = { name: 'open', channel: opened }
    return opened
  }

  const expectBindings = () => {
    mark = undefined
    rebindWait.begin()
    onExchangeReplaced()
    warn(
      `the exchange ${exchange} was removed and is made again: publishes wait for the running subscribers to bind their queues again, ` +
        'about 8 s; a group without a running member gets nothing until it has one',
    )
  }

  const publishUnwatched = ({ isAlive }: AmqpSession, error: unknown): undefined => {
    if (!isAlive) throw error
    if (replyCode(error) === notFound) {
      // The exchange was removed just now, and the next try makes it again.
      rebindWait.begin()
      throw error
    }
    if (!wasWarnedUnwatched) {
      warn(`the exchange ${exchange} cannot be watched: nobody would notice that it is replaced (${brokerText(error)})`)
    }
    wasWarnedUnwatched = true
  }

  return {
    isBoundAgain: rebindWait.isOver,
    open: async (waitMs) => {
      if (state.name !== 'none') return state.channel
      const channel = openNew(waitMs).catch((error: unknown) => {
        state = { name: 'none' }
        throw error
      })
      state = { name: 'opening', channel }
      return channel
    },
    /**
     * A channel that meets a quorum queue for the first time while its leader is gone and no other is elected refuses all for that queue until the
     * node of that leader is back. A new channel asks anew who leads.
     */
    renew: (refusing) => {
      if (state.name !== 'open' || state.channel !== refusing) return
      if (performance.now() - refusing.openedAtMs < renewAfterMs) return
      state = { name: 'none' }
      refusing.retire()
    },
  }
}
