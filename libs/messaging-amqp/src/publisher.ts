import { setTimeout as pause } from 'node:timers/promises'
import { encodeAmqp } from './codec.ts'
import type { AmqpConnection } from './connection.ts'
import { deadLetterQueues } from './dead-letter-queues.ts'
import { brokerText } from './faults.ts'
import { deadLetterQueue, longestNameBytes, routingKey } from './names.ts'
import { resendFromGap, resendReturned, send, type Outcome, type PublishCall } from './publish-call.ts'
import { publishChannels } from './publish-channels.ts'
import type { AmqpSession } from './session.ts'
import type { AmqpSettings } from './settings.ts'
import { deadLettersAreRouted, TopologyError } from './topology.ts'
import { isDeadLetterTopic } from '@armature/messaging/dead-letter'
import { PublishError, type PublishFault } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import { reconnectDelayMs } from '@armature/async/backoff'
import { within } from '@armature/async/within'

export interface PublisherParts {
  readonly connection: AmqpConnection
  readonly settings: AmqpSettings
  readonly source: string
  readonly warn: (problem: string) => void
}

export interface AmqpPublisher {
  /** Resolves when the broker has confirmed all messages, one or more. Rejects with PublishError. */
  send(topic: string, messages: readonly Message[]): Promise<void>
  /** Rejects what is under way. */
  end(): void
}

const lateCheckEveryMs = 200

/** Publishes with confirms. What a lost connection leaves unconfirmed is sent again, in order. */
export const amqpPublisher = ({ connection, settings, source, warn }: PublisherParts): AmqpPublisher => {
  const { publishWaitMs } = settings.url
  const calls = new Set<PublishCall>()
  const deadLetters = deadLetterQueues(settings)
  const onExchangeReplaced = () => {
    for (const call of calls) call.confirmed.fill(0)
  }
  const ending = new AbortController()
  const channels = publishChannels({ connection, settings, warn, signal: ending.signal, onExchangeReplaced })
  const isEnded = () => ending.signal.aborted

  const leftMs = ({ progressAtMs }: PublishCall) => Math.max(1, publishWaitMs - (performance.now() - progressAtMs))

  const lateCalls = lateCallsOf(calls, (call) => leftMs(call) <= 1)

  /** Waits until subscribers have bound their queues and the broker takes publishes. False: not as long as the call may wait. */
  const isReady = async (session: AmqpSession, call: PublishCall): Promise<boolean> => {
    if (!(await channels.isBoundAgain(leftMs(call))) || leftMs(call) <= 1) return false
    if (session.blocked !== undefined) await within(leftMs(call), session.unblocked())
    return session.blocked === undefined
  }

  const attempt = async (call: PublishCall): Promise<Outcome> => {
    resendReturned(call)
    const channel = await channels.open(leftMs(call))
    const { session } = channel
    if (!(await isReady(session, call))) return 'late'
    if (call.isDeadLetter) await deadLetters.declare(session, call.topic)
    const outcome = await channel.use(() => send(channel, call))
    if (outcome === 'refused') {
      channels.renew(channel)
      if (settings.singleActive) resendFromGap(call)
    }
    if (outcome === 'done' && call.isDeadLetter && !(await deadLetters.check(session, call.topic))) {
      for (const { id } of call.messages) call.returned.add(id)
    }
    return outcome
  }

  const pauseBefore = async (tries: number, call: PublishCall) => {
    const waitMs = Math.min(reconnectDelayMs(tries), leftMs(call))
    await pause(waitMs, undefined, { signal: ending.signal }).catch(() => undefined)
  }

  /** Tries until the broker has all of it, or until that is not to be expected any more. */
  const run = async (call: PublishCall): Promise<void> => {
    let lastFault: unknown
    let wasReturned = false
    for (let tries = 1; ; tries++) {
      let outcome: Outcome = 'lost'
      try {
        // A broker that hangs answers nothing at all.
        outcome = await Promise.race([attempt(call), call.late.promise])
      } catch (error) {
        throwIfLasting(call, error)
        lastFault = error
        await pauseBefore(tries, call)
      }
      if (outcome === 'done') {
        if (call.returned.size === 0) return
        throwIfUnroutable(call, settings, wasReturned)
        wasReturned = true
        deadLetters.forget(call.topic)
      } else if (outcome === 'refused') {
        // The queue is at its limit, or its leader has just gone.
        await pauseBefore(tries, call)
        if (isEnded() || leftMs(call) <= 1) throw failure(call, 'full', 'RabbitMQ refused it: is a queue at its limit?')
      } else if (isEnded()) {
        throw failure(call, 'closed', 'the connection is closed')
      } else if (outcome === 'late' || leftMs(call) <= 1) {
        const reason = connection.blocked ?? (lastFault === undefined ? 'no confirm came' : brokerText(lastFault))
        const problem = `RabbitMQ did not take it within ${publishWaitMs} ms (${reason})`
        throw failure(call, 'unavailable', problem, lastFault)
      }
    }
  }

  return {
    send: async (topic, messages) => {
      const call = publishCall(topic, messages, { settings, source })
      calls.add(call)
      lateCalls.watch()
      await run(call).finally(() => calls.delete(call))
    },
    end: () => {
      ending.abort()
      for (const call of calls) call.late.resolve('late')
      lateCalls.stop()
    },
  }
}

/** Ends calls that make no progress, with one timer for all of them. The timer stops by itself when there are no calls. */
const lateCallsOf = (calls: ReadonlySet<PublishCall>, isLate: (call: PublishCall) => boolean) => {
  let timer: NodeJS.Timeout | undefined
  const stop = () => {
    clearInterval(timer)
    timer = undefined
  }
  return {
    watch: () => {
      timer ??= setInterval(() => {
        for (const call of calls) if (isLate(call)) call.late.resolve('late')
        if (calls.size === 0) stop()
      }, lateCheckEveryMs)
    },
    stop,
  }
}

const publishCall = (
  topic: string,
  messages: readonly Message[],
  { settings, source }: Pick<PublisherParts, 'settings' | 'source'>,
): PublishCall => {
  const isDeadLetter = isDeadLetterTopic(topic)
  const isToNamedQueue = !isDeadLetter && topic === settings.queue
  const isRouted = isDeadLetter ? deadLettersAreRouted(settings) : !isToNamedQueue
  const key = isRouted ? routingKey(topic) : isToNamedQueue ? topic : deadLetterQueue(settings, topic)
  if (Buffer.byteLength(key) > longestNameBytes) {
    throw failure({ topic }, 'bad-topic', `its routing key has over ${longestNameBytes} bytes: use a shorter topic`)
  }
  const parts = {
    topic,
    source,
    mandatory: isDeadLetter || settings.mandatory,
    plainHeaders: settings.type === 'headers',
    keepDeaths: isDeadLetter,
  }
  return {
    topic,
    exchange: isRouted ? settings.exchange : '',
    routingKey: key,
    messages: messages.map((message) => encodeAmqp(message, parts)),
    isDeadLetter,
    confirmed: new Uint8Array(messages.length),
    returned: new Set(),
    progressAtMs: performance.now(),
    late: Promise.withResolvers(),
  }
}

const failure = ({ topic }: Pick<PublishCall, 'topic'>, fault: PublishFault, problem: string, cause?: unknown) =>
  new PublishError(problem, { topic, fault, cause })

/** A refusal that another try does not change: RabbitMQ's, or the client's for a frame that is too large. */
const throwIfLasting = (call: PublishCall, error: unknown): void => {
  if (error instanceof TopologyError) throw failure(call, 'unavailable', error.message, error)
  if (error instanceof RangeError) throw failure(call, 'too-large', error.message, error)
}

/** A dead letter has a queue of its own, which is made again once. */
const throwIfUnroutable = (call: PublishCall, { type }: AmqpSettings, wasReturned: boolean): void => {
  const [id = ''] = call.returned
  if (call.isDeadLetter) {
    if (!wasReturned) return
    throw failure(call, 'unavailable', `message ${id} is not kept: somebody removes its queue again and again`)
  }
  if (call.exchange === '')
    throw failure(
      call,
      'unroutable',
      `message ${id} is not kept: there is no queue ${call.topic}; subscribe to it first`,
    )
  const problem = `no queue takes message ${id}: nothing is bound to the ${type} exchange ${call.exchange} for ${JSON.stringify(call.topic)}`
  const fix = 'subscribe a group first, or add mandatory=false to the amqp: URL to publish to nobody'
  throw failure(call, 'unroutable', `${problem}; ${fix}`)
}
