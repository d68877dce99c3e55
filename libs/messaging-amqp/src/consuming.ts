import { setTimeout as pause } from 'node:timers/promises'
import type { AmqpConsumer } from './consumer.ts'
import { brokerText } from './faults.ts'
import { TopologyError } from './topology.ts'
import { ConnectError, SubscribeError } from '@armature/messaging/errors'
import { reconnectDelayMs } from '@armature/async/backoff'

/** The consumer of a subscription, opened again whenever its channel or the connection is lost. */
export interface Consuming {
  /** The last consumer; undefined while there is none. It may have ended. */
  readonly consumer: AmqpConsumer | undefined
  /** Opens no other consumer from now on. The present one goes on. */
  end(): void
}

export interface ConsumingParts {
  readonly topic: string
  /** Waits `waitMs` at most for a connection. Rejects with TopologyError, ConnectError, or as the client does. */
  readonly open: (waitMs: number) => Promise<AmqpConsumer>
  readonly connectWaitMs: number
  /** The consumer ended: what it delivered is the broker's again. */
  readonly onLost: (consumer: AmqpConsumer) => void
  readonly warn: (problem: string) => void
}

type State =
  | { readonly name: 'consuming'; readonly consumer: AmqpConsumer }
  | { readonly name: 'reopening' }
  | { readonly name: 'ended'; readonly consumer: AmqpConsumer | undefined }

/** Rejects with SubscribeError when the first consumer cannot be opened within `connectWaitMs`. */
export const startConsuming = async (parts: ConsumingParts): Promise<Consuming> => {
  const { topic, open, connectWaitMs, onLost, warn } = parts
  const ending = new AbortController()
  let state: State = { name: 'reopening' }
  const isEnded = () => state.name === 'ended'

  const follow = (consumer: AmqpConsumer) => {
    state = { name: 'consuming', consumer }
    void consumer.ended.then(() => {
      onLost(consumer)
      if (isEnded()) return
      state = { name: 'reopening' }
      void reopen()
    })
  }

  const reopen = async () => {
    for (let tries = 1; !isEnded(); tries++) {
      try {
        const consumer = await open(connectWaitMs)
        if (isEnded()) await consumer.close()
        else follow(consumer)
        return
      } catch (error) {
        if (isEnded()) return
        if (error instanceof TopologyError) warn(`the subscription to ${topic} waits: ${error.message}`)
        await pause(reconnectDelayMs(tries), undefined, { signal: ending.signal }).catch(() => undefined)
      }
    }
  }

  follow(await openFirst(parts))
  return {
    get consumer() {
      return state.name === 'reopening' ? undefined : state.consumer
    },
    end: () => {
      if (state.name === 'ended') return
      state = { name: 'ended', consumer: state.name === 'consuming' ? state.consumer : undefined }
      ending.abort()
    },
  }
}

/** The first time a refusal is the caller's fault. A connection that is lost meanwhile is not. */
const openFirst = async ({ topic, open, connectWaitMs }: ConsumingParts): Promise<AmqpConsumer> => {
  const startedAtMs = performance.now()
  for (let tries = 1; ; tries++) {
    const leftMs = connectWaitMs - (performance.now() - startedAtMs)
    try {
      return await open(Math.max(1, leftMs))
    } catch (error) {
      const isLasting = error instanceof TopologyError || error instanceof ConnectError || leftMs <= 0
      if (isLasting) throw new SubscribeError(topic, brokerText(error), error)
      await pause(reconnectDelayMs(tries))
    }
  }
}
