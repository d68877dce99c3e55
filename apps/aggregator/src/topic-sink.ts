import { PublishError, type PublishFault } from '@armature/messaging/errors'
import type { Driver } from '@armature/messaging/ports'
import type { Sink, SinkItem, SinkOutcome } from './sink.ts'

/** Faults that no other try changes: the message itself is refused. */
const faultsOfMessage: ReadonlySet<PublishFault> = new Set(['bad-message', 'too-large'])

/**
 * Publishes each batch to the topic by one call, with the ids that its messages have. Does not recognise repeats: a subscriber drops them by
 * source and id, or the broker does.
 */
export const createTopicSink = (driver: Driver, topic: string): Sink => {
  /** The last publish was answered. The driver says itself which messages are at fault: what fails otherwise is the broker. */
  let isConfirmed = true

  const publish = async (
    batch: readonly SinkItem[],
    signal: AbortSignal | undefined,
  ): Promise<readonly SinkOutcome[]> => {
    signal?.throwIfAborted()
    isConfirmed = false
    try {
      await driver.publish(
        topic,
        batch.map(({ message }) => message),
      )
      isConfirmed = true
      return batch.map(() => 'written')
    } catch (error) {
      if (!(error instanceof PublishError) || !faultsOfMessage.has(error.fault)) throw error
      isConfirmed = true
      if (batch.length === 1) return [{ rejected: 'refused-by-topic', problem: error.message }]
      const middle = Math.ceil(batch.length / 2)
      return [...(await publish(batch.slice(0, middle), signal)), ...(await publish(batch.slice(middle), signal))]
    }
  }
  return {
    write: publish,
    check: async () => {
      const { lostMs } = driver.health()
      if (lostMs > 0) throw new Error(`the broker of the sink is lost for ${lostMs} ms`)
      if (!isConfirmed) throw new Error('the broker of the sink did not confirm the last publish')
    },
  }
}
