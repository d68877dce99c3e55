import { SubscribeError } from '@armature/messaging/errors'
import type { Subscription } from '@armature/messaging/ports'
import { readerPrefix } from './streams-connection.ts'
import { openConsumer } from './streams-consumer.ts'
import { openReader } from './streams-reader.ts'
import type { StreamsSubscriptionParts } from './streams-subscription-parts.ts'

/** A consumer of the group, or a reader where no group is named. Rejects with SubscribeError. */
export const openStreamsSubscription = async (
  parts: StreamsSubscriptionParts,
  connectWaitMs: number,
): Promise<Subscription> => {
  const { topic, group } = parts.request
  if (group?.startsWith(readerPrefix) === true || group?.includes('\n') === true) {
    const problem = `the group has the name ${JSON.stringify(group)}`
    throw new SubscribeError(
      topic,
      `${problem}: choose one without line feeds that does not begin with ${readerPrefix}`,
    )
  }
  try {
    await parts.connection.connected(connectWaitMs)
    return await (group === undefined ? openReader(parts) : openConsumer(parts, group))
  } catch (error) {
    throw new SubscribeError(topic, (error as Error).message, error)
  }
}
