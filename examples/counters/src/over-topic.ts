import type { Clock } from '@armature/async/clock'
import { bodyJson, jsonMessage } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import { counterNames, type Post, type Transport } from './counters.ts'

const topicOf = (counter: string) => `counters.${counter}`

const drainDeadlineMs = 5_000

/** Over topics of any driver: one a counter, all of them by one subscription to `counters.*`. */
export const overTopic = (driver: Driver, clock: Clock): Transport => {
  let posted = 0
  let received = 0
  let whenReceived: () => void = () => undefined

  return {
    subscribe: async (onPost) => {
      await driver.subscribe(
        'counters.*',
        async (delivery) => {
          const { count } = bodyJson(delivery) as Pick<Post, 'count'>
          const counter = counterNames.find((name) => topicOf(name) === delivery.topic)
          if (counter === undefined) throw new Error(`no counter has the topic ${delivery.topic}`)
          onPost({ counter, count })
          received++
          if (received === posted) whenReceived()
        },
        { group: 'sum' },
      )
    },
    post: async ({ counter, count }) => {
      posted++
      await driver.publish(topicOf(counter), [jsonMessage(topicOf(counter), { count }, { key: counter })])
    },
    close: async () => {
      const drained = Promise.withResolvers<void>()
      whenReceived = drained.resolve
      if (received === posted) drained.resolve()
      const cancel = clock.after(drainDeadlineMs, () =>
        drained.reject(new Error(`${posted - received} of ${posted} posts were not received in ${drainDeadlineMs} ms`)),
      )
      try {
        await drained.promise
      } finally {
        cancel()
        await driver.close()
      }
    },
  }
}
