import type { Clock } from '@armature/async/clock'
import { createEventBus } from '@armature/event-bus/event-bus'
import { counterNames, type Post, type Transport } from './counters.ts'

/** Over the bus within the process: one topic a counter. Throws what goes wrong on it. */
export const overBus = (clock: Clock): Transport => {
  const bus = createEventBus<Record<string, Post>>({
    clock,
    onFault: (fault) => {
      throw new Error(`the bus reports ${fault.kind} on ${fault.topic}`)
    },
  })
  return {
    subscribe: async (onPost) => void bus.subscribe(counterNames, onPost, { serial: true }),
    post: (post) => bus.dispatch(post.counter, post, { key: post.counter }),
    close: async () => {
      const left = await bus.close({ deadlineMs: 5_000 })
      const { faultHandlerErrors } = bus.counts()
      if (left.queued + left.waiting + left.running + faultHandlerErrors > 0) {
        throw new Error(`the bus closed with ${JSON.stringify(left)} left and ${faultHandlerErrors} faults`)
      }
    },
  }
}
