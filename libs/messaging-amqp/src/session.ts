import type { ChannelModel } from 'amqplib'

/** One live connection to the broker. It does not come back. */
export interface AmqpSession {
  readonly model: ChannelModel
  readonly isAlive: boolean
  /** Why the broker takes no publishes, in its own words; undefined = it does. */
  readonly blocked: string | undefined
  /** Resolves when the broker takes publishes, or when the connection is gone. */
  unblocked(): Promise<void>
  /** The major version of the broker. */
  readonly brokerVersion: number
  /** Ends the connection: by AMQP's farewell, or by force when the broker does not answer within `waitMs`. */
  end(waitMs: number): Promise<void>
}

export interface SessionParts {
  readonly model: ChannelModel
  /** Ends the socket at once. */
  readonly destroy: () => void
  readonly warn: (problem: string) => void
  /** The connection is gone. Called once. */
  readonly onClose: () => void
}

/** How long the last bytes, such as the answer to the broker's farewell, have to leave before the socket ends. */
const lingerMs = 500

/** Follows the events of a connection that the client has just opened. */
export const amqpSession = ({ model, destroy, warn, onClose }: SessionParts): AmqpSession => {
  let isAlive = true
  let blocked: string | undefined
  let waiting: (() => void)[] = []
  const gone = Promise.withResolvers<void>()

  const unblock = () => {
    blocked = undefined
    for (const resolve of waiting) resolve()
    waiting = []
  }
  // Each error is followed by `close`.
  model.on('error', () => undefined)
  model.on('blocked', (reason: string) => {
    blocked = reason
    warn(`RabbitMQ has an alarm and takes no messages for now: ${reason}`)
  })
  model.on('unblocked', unblock)
  model.on('close', () => {
    isAlive = false
    unblock()
    gone.resolve()
    setTimeout(destroy, lingerMs).unref()
    onClose()
  })

  return {
    model,
    get isAlive() {
      return isAlive
    },
    get blocked() {
      return blocked
    },
    unblocked: () =>
      blocked === undefined ? Promise.resolve() : new Promise<void>((resolve) => waiting.push(resolve)),
    brokerVersion: Number.parseInt(String(model.connection.serverProperties.version), 10),
    end: async (waitMs) => {
      const timer = setTimeout(destroy, waitMs)
      // Without an answer the client's promise stays open.
      await Promise.race([model.close().catch(() => undefined), gone.promise])
      clearTimeout(timer)
    },
  }
}
