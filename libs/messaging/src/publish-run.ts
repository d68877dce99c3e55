import { messagesOf, type MessageRun } from './message-run.ts'
import type { Publisher } from './ports.ts'

/** Publishes a run, as `Publisher.publish` does with its messages: in the driver's own way, where it has one. */
export const publishRun = (
  publisher: Pick<Publisher, 'publish' | 'publishRun'>,
  topic: string,
  run: MessageRun,
): Promise<void> =>
  publisher.publishRun === undefined
    ? publisher.publish(topic, messagesOf(run, topic))
    : publisher.publishRun(topic, run)
