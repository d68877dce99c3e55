import { setTimeout as pause } from 'node:timers/promises'
import { encodeAmqp } from './codec.ts'
import { brokerText } from './faults.ts'
import type { AmqpLink, AmqpSession } from './connection.ts'
import { findMark } from './mark.ts'
import { deadLetterQueue, longestNameBytes, routingKey } from './names.ts'
import { amqpOutlet, type Outlet } from './outlet.ts'
import { send, takeAgain, takeFromGapOn, type Job, type Outcome } from './send.ts'
import type { AmqpSettings } from './settings.ts'
import {
  deadLetterQueuesExist,
  deadLettersAreRouted,
  declareDeadLetterQueue,
  declareExchange,
  exchangeExists,
  TopologyError,
} from './topology.ts'
import { within } from './within.ts'
import { isDeadLetterTopic } from '@armature/messaging/dead-letter'
import { PublishError, type PublishFault } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import { checkPublish } from '@armature/messaging-kit/outgoing'
import type { Publisher } from '@armature/messaging/ports'
import { reconnectDelayMs } from '@armature/async/backoff'

export interface PublisherParts {
  readonly link: AmqpLink
  readonly settings: AmqpSettings
  readonly source: string
  readonly warn: (problem: string) => void
}

/** Messages that the client takes before it is asked to wait for the socket. */
const highWaterMark = 4_096
const watchMs = 200
/** Members whose exchange was replaced have bound their queues again: the period of their look (amqp-bindings.ts) and the longest wait to connect. */
const boundAgainMs = 8_000
const maxKnownTopics = 10_000
/** A channel that refuses is replaced once it is so old, so that callers who meet a full queue do not open one each. */
const renewAfterMs = 1_000

/** Publishes with confirms; what a lost connection leaves unconfirmed is sent again, in order. */
export const amqpPublisher = ({ link, settings, source, warn }: PublisherParts): Publisher => {
  const { exchange, type, url, maxMessageBytes } = settings
  const { publishWaitMs } = url
  const jobs = new Set<Job>()
  const underWay = new Set<Promise<void>>()
  /** Dead-letter topics whose queue was made, and which are in the registry. */
  const kept = new Set<string>()
  let outlet: Promise<Outlet> | undefined
  /** The one that `outlet` resolved to last. */
  let current: Outlet | undefined
  /** Of the exchange that was published to last. */
  let mark: string | undefined
  let boundAgainAtMs = 0
  let watch: NodeJS.Timeout | undefined
  let isToldUnwatched = false
  let closed = false

  const openOutlet = async (waitMs: number): Promise<Outlet> => {
    const session = await link.session(waitMs)
    await declareExchange(session, settings)
    if (mark !== undefined && !(await exchangeExists(session, mark))) replaced()
    mark ??= await findMark(session, settings).catch((error: unknown) => cannotWatch(session, error))
    const channel = await session.model.createConfirmChannel({ highWaterMark })
    const opened = amqpOutlet({
      session,
      channel,
      mark,
      onClose: () => {
        if (current === opened) outlet = undefined
      },
    })
    return (current = opened)
  }

  /**
   * A channel that meets a quorum queue for the first time while its leader is gone and no other is elected refuses all for that queue until the node
   * of that leader is back. A new one asks anew who leads.
   */
  const renew = (refusing: Outlet) => {
    if (current !== refusing || performance.now() - refusing.openedAtMs < renewAfterMs) return
    outlet = undefined
    refusing.retire()
  }

  /** Nobody knows which queues were bound to the exchange when it took what was not told to be held yet: all of it is sent again. */
  const replaced = () => {
    mark = undefined
    boundAgainAtMs = performance.now() + boundAgainMs
    for (const job of jobs) job.confirmed.fill(0)
    warn(
      `the exchange ${exchange} was removed and is made again: publishes wait ${boundAgainMs} ms for the running subscribers to bind their queues ` +
        'again; a group without a running member gets nothing until it has one',
    )
  }

  const cannotWatch = ({ isAlive }: AmqpSession, error: unknown): undefined => {
    if (!isAlive) throw error
    if (!isToldUnwatched) warn(`nobody would notice that the exchange ${exchange} is replaced (${brokerText(error)})`)
    isToldUnwatched = true
  }

  const currentOutlet = (waitMs: number): Promise<Outlet> => {
    outlet ??= openOutlet(waitMs).catch((error: unknown) => {
      outlet = undefined
      throw error
    })
    return outlet
  }

  const fail = ({ topic }: Pick<Job, 'topic'>, fault: PublishFault, problem: string, cause?: unknown) =>
    new PublishError(problem, { topic, fault, cause })

  const leftMs = (job: Job) => Math.max(1, publishWaitMs - (performance.now() - job.progressMs))

  const attempt = async (job: Job): Promise<Outcome> => {
    takeAgain(job)
    const out = await currentOutlet(leftMs(job))
    if (leftMs(job) <= 1) return 'late'
    const boundInMs = boundAgainAtMs - performance.now()
    if (boundInMs > 0) await pause(Math.min(boundInMs, leftMs(job)))
    if (boundInMs > leftMs(job)) return 'late'
    if (out.session.blocked !== undefined) await within(out.session.unblocked(), leftMs(job))
    if (out.session.blocked !== undefined) return 'late'
    if (job.isDeadLetter) await keep(out.session, job.topic)
    const outcome = await out.use(() => send(out, job))
    if (outcome === 'refused') {
      renew(out)
      if (settings.singleActive) takeFromGapOn(job)
    }
    if (outcome !== 'done' || !job.isDeadLetter) return outcome
    const { registry, queue } = await deadLetterQueuesExist(out.session, settings, job.topic)
    if (!registry) {
      kept.clear()
      await keep(out.session, job.topic)
    }
    // Another queue may have taken it, by a wildcard.
    if (!queue) for (const { id } of job.messages) job.returned.add(id)
    return outcome
  }

  const keep = async (session: AmqpSession, topic: string) => {
    if (kept.has(topic)) return
    await declareDeadLetterQueue(session, settings, topic)
    if (kept.size >= maxKnownTopics) kept.clear()
    kept.add(topic)
  }

  /** Until all of it arrived or that is not to be expected any more. */
  const run = async (job: Job): Promise<void> => {
    let lastFault: unknown
    let wasReturned = false
    for (let tries = 1; ; tries++) {
      let outcome: Outcome = 'lost'
      try {
        // A broker that hangs answers nothing at all.
        outcome = await Promise.race([attempt(job), job.late.promise])
      } catch (error) {
        if (error instanceof TopologyError) throw fail(job, 'unavailable', error.message, error)
        if (error instanceof RangeError) throw fail(job, 'too-large', error.message, error)
        lastFault = error
        if (!closed) await pause(Math.min(reconnectDelayMs(tries), leftMs(job)))
      }
      if (outcome === 'done') {
        const [id] = job.returned
        if (id === undefined) return
        if (!job.isDeadLetter) throw fail(job, 'unroutable', unroutable(job, id, settings))
        if (wasReturned) throw fail(job, 'unavailable', `its queue is removed by somebody, message ${id} is not kept`)
        wasReturned = true
        kept.delete(job.topic)
        continue
      }
      if (outcome === 'refused') {
        // A queue at its limit, or one whose leader has just gone.
        if (!closed) await pause(Math.min(reconnectDelayMs(tries), leftMs(job)))
        if (closed || leftMs(job) <= 1) throw fail(job, 'full', `RabbitMQ refused it: is a queue at its limit?`)
        continue
      }
      if (closed) throw fail(job, 'closed', 'the connection is closed')
      if (outcome !== 'late' && leftMs(job) > 1) continue
      const why = current?.session.blocked ?? (lastFault === undefined ? 'no confirm came' : brokerText(lastFault))
      throw fail(job, 'unavailable', `RabbitMQ did not take it within ${publishWaitMs} ms (${why})`, lastFault)
    }
  }

  /** Calls that make no progress are ended; one timer for all of them. */
  const watchOver = () => {
    watch ??= setInterval(() => {
      for (const job of jobs) if (leftMs(job) <= 1) job.late.resolve('late')
      if (jobs.size > 0) return
      clearInterval(watch)
      watch = undefined
    }, watchMs)
  }

  const publish = async (topic: string, messages: readonly Message[]): Promise<void> => {
    checkPublish(topic, messages, { maxMessageBytes, closed })
    if (messages.length === 0) return
    const isDeadLetter = isDeadLetterTopic(topic)
    const isRouted = !isDeadLetter || deadLettersAreRouted(settings)
    const key = isRouted ? routingKey(topic) : deadLetterQueue(settings, topic)
    if (Buffer.byteLength(key) > longestNameBytes)
      throw fail({ topic }, 'bad-topic', 'its routing key has over 255 bytes')
    const mandatory = isDeadLetter || settings.mandatory
    const parts = { topic, source, mandatory, plainHeaders: type === 'headers', keepDeaths: isDeadLetter }
    const job: Job = {
      topic,
      key,
      exchange: isRouted ? exchange : '',
      messages: messages.map((message) => encodeAmqp(message, parts)),
      isDeadLetter,
      confirmed: new Uint8Array(messages.length),
      returned: new Set(),
      progressMs: performance.now(),
      late: Promise.withResolvers(),
    }
    jobs.add(job)
    watchOver()
    const running = run(job).finally(() => jobs.delete(job))
    underWay.add(running)
    try {
      await running
    } finally {
      underWay.delete(running)
    }
  }

  return {
    publish,
    close: async () => {
      closed = true
      await within(Promise.allSettled(underWay), url.closeWaitMs)
      clearInterval(watch)
      watch = undefined
    },
  }
}

const unroutable = ({ topic, exchange }: Job, id: string, { type }: AmqpSettings): string =>
  `no queue takes message ${id}: nothing is bound to the ${type} exchange ${exchange} for ${JSON.stringify(topic)}; ` +
  'subscribe a group first, or add mandatory=false to the amqp: URL to publish to nobody'
