import { replyCode } from './faults.ts'
import type { AmqpConnection } from './connection.ts'
import type { AmqpSession } from './session.ts'
import type { AmqpSettings } from './settings.ts'
import { lookEveryMs } from './rebind-wait.ts'
import { bindQueue, declareExchange, exchangeExists, type GroupQueue } from './topology.ts'

/** A queue whose binding is kept. */
export interface Bound extends GroupQueue {
  /** Called when the queue is not there. */
  readonly onGone: () => void
}

/** Makes bindings again that somebody removed, alone or with their exchange. The broker gives no sign of that. */
export interface AmqpBindings {
  add(bound: Bound): void
  remove(bound: Bound): void
  close(): void
}

export interface BindingsParts {
  readonly connection: AmqpConnection
  readonly settings: AmqpSettings
  readonly warn: (problem: string) => void
}

const notFound = 404

/** Binds all queues again every two seconds while there are any. That changes nothing where they are bound. */
export const amqpBindings = ({ connection, settings, warn }: BindingsParts): AmqpBindings => {
  const all = new Set<Bound>()
  let timer: NodeJS.Timeout | undefined

  const look = async () => {
    const session = await connection.session(lookEveryMs)
    if (!(await exchangeExists(session, settings.exchange))) {
      warn(
        `the exchange ${settings.exchange} was removed: it is made again, and the queues of subscribers here are bound again`,
      )
    }
    await declareExchange(session, settings)
    for (const bound of all) await bindAgain(session, bound)
  }

  const bindAgain = async (session: AmqpSession, bound: Bound) => {
    try {
      await bindQueue(session, settings, bound)
    } catch (error) {
      if (replyCode(error) !== notFound) throw error
      // If the exchange is missing, the next look makes it.
      if (await exchangeExists(session, settings.exchange)) bound.onGone()
    }
  }

  /** The next look tries again what failed. A subscription that cannot be made warns by itself. */
  const schedule = () => {
    timer ??= setTimeout(() => {
      void look()
        .catch(() => undefined)
        .finally(() => {
          timer = undefined
          if (all.size > 0) schedule()
        })
    }, lookEveryMs).unref()
  }

  return {
    add: (bound) => {
      all.add(bound)
      schedule()
    },
    remove: (bound) => void all.delete(bound),
    close: () => {
      all.clear()
      clearTimeout(timer)
    },
  }
}
