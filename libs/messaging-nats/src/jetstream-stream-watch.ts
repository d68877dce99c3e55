import { isPattern } from '@armature/messaging/topic-pattern'
import type { Connection } from './connection.ts'
import { durableName } from './jetstream-names.ts'

export interface StreamWatchParts {
  readonly connection: Connection
  readonly topic: string
  readonly group: string | undefined
  /** There may be new streams with topics of the subscription. */
  readonly onChange: () => void
  readonly onStreamDeleted: (stream: string) => void
  readonly onConsumerDeleted: (stream: string) => void
}

/** The server announces streams that come and go, but no announcement is sure to arrive. */
const lookEveryMs = 5_000

/** Follows the announcements that matter to a subscription; the answer ends it. */
export const watchStreams = (parts: StreamWatchParts): (() => void) => {
  const { connection, topic, group, onChange, onStreamDeleted, onConsumerDeleted } = parts
  const announced = (event: string, callback: (stream: string) => void) =>
    connection.nc.subscribe(`$JS.EVENT.ADVISORY.${event}`, {
      // `$JS.EVENT.ADVISORY.STREAM.CREATED.<stream>`, `$JS.EVENT.ADVISORY.CONSUMER.DELETED.<stream>.<consumer>`
      callback: (_error, msg) => callback(msg.subject.split('.')[5] ?? ''),
    })
  const announcements = [
    announced('STREAM.CREATED.*', onChange),
    announced('STREAM.DELETED.*', onStreamDeleted),
    ...(group === undefined ? [] : [announced(`CONSUMER.DELETED.*.${durableName(group, topic)}`, onConsumerDeleted)]),
    ...(isPattern(topic) ? [announced('STREAM.UPDATED.*', onChange)] : []),
  ]
  const timer = setInterval(onChange, lookEveryMs).unref()
  return () => {
    clearInterval(timer)
    for (const announcement of announcements) announcement.unsubscribe()
  }
}
