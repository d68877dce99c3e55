import type { Msg } from '@nats-io/nats-core'
import { reconnectDelayMs } from '@armature/async/backoff'
import { PublishError, type PublishFault } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import type { Connection } from './connection.ts'
import { publishBatch, type Batch } from './jetstream-batch.ts'
import { copyHeaders, encodeForStream, wireMessage, type WireMessage } from './jetstream-codec.ts'
import { topicLanes, type Lanes, type TopicItem } from './jetstream-lanes.ts'
import { pendingItems, type Pending, type PendingItem } from './jetstream-pending.ts'
import { readPubAck, type PubAck } from './jetstream-pub-ack.ts'
import type { Streams } from './jetstream-streams.ts'

/** A message that was sent or waits in its lane. */
interface PendingMessage extends TopicItem, PendingItem, Omit<WireMessage, 'wire'> {
  readonly batch: Batch
  /** 0 is the message itself. The server takes each copy for another message. */
  copy: number
  /** How often this copy was sent. */
  sends: number
  /** Whether its batch counts it. A message that is stored again behind another counts once. */
  isConfirmed: boolean
}

export interface JetstreamPublisher {
  /** Publishes as the port says. Messages that are unacknowledged when the connection is lost are sent again, and stored once. */
  publish(topic: string, messages: readonly Message[]): Promise<void>
  /** Rejects all publishes that are not confirmed. */
  abort(problem: string): void
}

export interface PublisherParts {
  readonly connection: Connection
  readonly streams: Streams
  /** The source of messages that name none. */
  readonly source: string
  readonly publishWaitMs: number
  /** Called for each message that the stream has from another publish. */
  readonly onDuplicate: () => void
}

/** The server takes 10,000 unacknowledged messages for a stream before it refuses more. */
const pendingLimits = { maxMessages: 1_024, maxBytes: 8 * 1024 * 1024 }
/** A message without an acknowledgement is sent again after this time, also over a connection that was never lost. */
const ackTimeoutMs = 5_000
const checkEveryMs = 250

/**
 * Publishes with confirmation: a message is pending until the server acknowledges it over the inbox of this publisher. A dead letter is
 * marked to be kept for good where the stream can do so.
 */
export const jetstreamPublisher = (parts: PublisherParts): JetstreamPublisher => {
  const { connection, streams, source, publishWaitMs, onDuplicate } = parts
  const { nc } = connection
  const inbox = `_INBOX.${crypto.randomUUID()}`
  const pending = pendingItems<PendingMessage>(pendingLimits)
  let lastToken = 0
  let timer: NodeJS.Timeout | undefined

  const transmit = (sent: PendingMessage) => {
    sent.sentMs = performance.now()
    if (!connection.connected) return
    sent.sends++
    nc.publish(sent.topic, sent.body, { headers: sent.wire, reply: `${inbox}.${sent.token.toString(36)}` })
  }

  const lanes = topicLanes<PendingMessage>({
    transmit,
    renew,
    prepare: (topic) => {
      streams.forget(topic)
      return streams.storing(topic)
    },
    release: pending.remove,
  })

  const fail = (batch: Batch, fault: PublishFault, problem: string, cause?: unknown) => {
    lanes.drop(batch.topic, (each) => each.batch === batch).forEach(pending.remove)
    batch.fail(new PublishError(problem, { topic: batch.topic, fault, cause }))
  }

  const settle = settleBy({ streams, onDuplicate, pending, lanes, fail })

  const receive = (error: Error | null, msg: Msg) => {
    if (error !== null) return
    const sent = pending.find(Number.parseInt(msg.subject.slice(inbox.length + 1), 36))
    const ack = sent === undefined ? undefined : readPubAck(msg)
    if (sent !== undefined && ack !== undefined) settle(sent, ack)
  }

  const batches = () => new Set([...pending.all()].map(({ batch }) => batch))

  const check = () => {
    if (pending.size === 0) {
      clearInterval(timer)
      timer = undefined
      return
    }
    const nowMs = performance.now()
    const problem = connection.connected ? 'NATS did not confirm' : 'no connection to NATS'
    for (const batch of batches()) {
      if (nowMs < batch.deadlineMs) continue
      fail(batch, 'unavailable', `${problem} within ${publishWaitMs} ms: it may be stored or not`)
    }
    if (connection.connected) lanes.retrySentBefore(nowMs - ackTimeoutMs)
  }

  const add = (message: WireMessage, batch: Batch) => {
    const own = { batch, topic: batch.topic, token: ++lastToken, copy: 0, sends: 0, isConfirmed: false }
    const sent: PendingMessage = { ...message, ...own, sentMs: 0, sequence: undefined }
    pending.add(sent)
    lanes.add(sent)
    timer ??= setInterval(check, checkEveryMs).unref()
  }

  nc.subscribe(`${inbox}.*`, { callback: receive })
  connection.onReconnect(lanes.restart)
  connection.onError((error) => {
    const { operation, subject } = error as { operation?: string; subject?: string }
    if (operation !== 'publish') return
    for (const batch of batches()) if (batch.topic === subject) fail(batch, 'bad-topic', notPermitted, error)
  })

  return {
    publish: async (topic, messages) => {
      const deadlineMs = performance.now() + publishWaitMs
      const encoded = messages.map((message) => encodeForStream(topic, message, source))
      const { keepsForGood } = await streamOf(parts, topic, deadlineMs)
      const limits = { keepsForGood, maxPayloadBytes: nc.info?.max_payload ?? Number.POSITIVE_INFINITY }
      const ready = encoded.map((each) => wireMessage(topic, each, limits))
      const batch = publishBatch(topic, ready.length, deadlineMs)
      for (const message of ready) {
        while (!batch.isFailed && !pending.hasRoom(message.bytes)) await pending.removal()
        if (batch.isFailed) break
        add(message, batch)
      }
      return batch.result
    },
    abort: (problem) => {
      for (const batch of batches()) fail(batch, 'unavailable', problem)
    },
  }
}

interface SettleParts extends Pick<PublisherParts, 'streams' | 'onDuplicate'> {
  readonly pending: Pending<PendingMessage>
  readonly lanes: Lanes<PendingMessage>
  readonly fail: (batch: Batch, fault: PublishFault, problem: string) => void
}

/** Creates the function that settles a message by its acknowledgement. */
const settleBy = ({ streams, onDuplicate, pending, lanes, fail }: SettleParts) => {
  const stored = (sent: PendingMessage, sequence: number) => {
    const wasConfirmed = sent.isConfirmed
    lanes.stored(sent, sequence)
    sent.isConfirmed = true
    if (!wasConfirmed) sent.batch.confirmOne()
  }

  /** An operator may have removed or purged what the server still recognises. Such a message is stored anew. */
  const repeated = async (sent: PendingMessage, sequence: number) => {
    const { topic, copy } = sent
    const isStillStored = await streams.holds(topic, sequence).catch(() => undefined)
    if (pending.find(sent.token) === undefined || sent.copy !== copy) return
    if (isStillStored === true) {
      onDuplicate()
      return stored(sent, sequence)
    }
    if (isStillStored === false) renew(sent)
    lanes.failed(sent)
  }

  return (sent: PendingMessage, ack: PubAck) => {
    if (ack.kind === 'try-again') return lanes.failed(sent)
    if (ack.kind === 'refused') return fail(sent.batch, ack.fault, ack.problem)
    // The server may know a message that was sent twice from its first time.
    if (ack.kind === 'duplicate' && sent.sends === 1) return void repeated(sent, ack.sequence)
    stored(sent, ack.sequence)
  }
}

const notPermitted = 'this user may not publish to it: ask for the permission'

const renew = (sent: PendingMessage): void => {
  sent.copy++
  sent.sends = 0
  sent.wire = copyHeaders(sent.headers, sent.copy)
}

/** The stream of the topic. Asks until the deadline. */
const streamOf = async ({ connection, streams }: PublisherParts, topic: string, deadlineMs: number) => {
  for (let attempt = 1; ; attempt++) {
    try {
      await connection.whenConnected(Math.max(0, deadlineMs - performance.now()))
      return await streams.storing(topic)
    } catch (cause) {
      const delayMs = reconnectDelayMs(attempt)
      if (connection.nc.isClosed() || performance.now() + delayMs >= deadlineMs) {
        const problem = `no stream for it: ${(cause as Error).message}`
        throw new PublishError(problem, { topic, fault: 'unavailable', cause })
      }
      await new Promise((resolve) => setTimeout(resolve, delayMs))
    }
  }
}
