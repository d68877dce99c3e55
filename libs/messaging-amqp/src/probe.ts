import type { Channel } from 'amqplib'
import { openChannel } from './channel.ts'
import type { AmqpConnection } from './connection.ts'
import type { AmqpSession } from './session.ts'

const sessionWaitMs = 1_000

/** Asks RabbitMQ for an answer, on a channel of its own. It asks nothing while an alarm blocks the connection: the alarm shows that the broker is there. */
export const amqpProbe = (connection: AmqpConnection): (() => Promise<void>) => {
  let last: { readonly session: AmqpSession; readonly channel: Promise<Channel> } | undefined

  const channelOf = (session: AmqpSession): Promise<Channel> => {
    if (last?.session === session) return last.channel
    const channel = openChannel(session).then((opened) => {
      opened.on('close', forget)
      return opened
    })
    channel.catch(forget)
    last = { session, channel }
    return channel
  }

  const forget = () => (last = undefined)

  return async () => {
    const session = await connection.session(sessionWaitMs)
    if (session.blocked !== undefined) return
    const channel = await channelOf(session)
    // This question needs no permission and no queue.
    await channel.prefetch(1)
  }
}
