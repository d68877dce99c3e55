import type { Channel, ConsumeMessage } from 'amqplib'
import type { AmqpSession } from './session.ts'

/** Opens a channel whose errors nobody has to listen to: each is followed by the event `close`. */
export const openChannel = async ({ model }: AmqpSession): Promise<Channel> => {
  const channel = await model.createChannel()
  channel.on('error', () => undefined)
  return channel
}

/** Ends a channel. Resolves too when its connection ends meanwhile: the client's own promise stays open then. */
export const closeChannel = async (channel: Channel): Promise<void> => {
  const ended = new Promise<void>((resolve) => channel.once('close', resolve))
  await Promise.race([channel.close().catch(() => undefined), ended])
}

/** Runs `job` on a channel of its own, since a refusal closes the channel. */
export const onChannel = async <Result>(
  session: AmqpSession,
  job: (channel: Channel) => Promise<Result>,
): Promise<Result> => {
  const channel = await openChannel(session)
  try {
    return await job(channel)
  } finally {
    await closeChannel(channel)
  }
}

/** The client settles messages. It reads the delivery tag alone. */
export const tagged = (deliveryTag: number): ConsumeMessage => ({ fields: { deliveryTag } }) as ConsumeMessage
