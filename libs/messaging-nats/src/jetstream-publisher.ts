import type { Msg } from '@nats-io/nats-core'
import { isDeadLetterTopic } from '@armature/messaging/dead-letter'
import { PublishError, type PublishFault } from '@armature/messaging/errors'
import { dedupeId } from './jetstream-dedupe-id.ts'
import type { Streams } from './jetstream-streams.ts'
import type { Message } from '@armature/messaging/message'
import { encodeMessage, statusOf, wireHeaders } from './codec.ts'
import type { NatsLink } from './connection.ts'
import { lane, type Lane, type Outgoing } from './jetstream-lane.ts'
import { reconnectDelayMs } from '@armature/async/backoff'

/** One call of `publish`. */
interface Batch {
  readonly topic: string
  readonly deadlineMs: number
  /** Messages that the stream has not said to have. */
  left: number
  readonly resolve: () => void
  readonly reject: (error: PublishError) => void
  failed: boolean
}

interface Sent extends Outgoing {
  readonly batch: Batch
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  readonly bytes: number
  /** Counts what the server is to take for different messages; `sends` is of the last of them. */
  copy: number
  sends: number
  isCounted: boolean
}

export interface Publishing {
  /** As the port says; what is sent and not acknowledged when the connection is lost is sent again, and stored once. */
  publish(topic: string, messages: readonly Message[]): Promise<void>
  /** Publishes that are not settled. */
  readonly pending: number
  /** Rejects what is pending, for the reason. */
  close(problem: string): void
}

export interface PublisherOptions {
  /** Of messages that name none. */
  readonly source: string
  readonly publishWaitMs: number
  /** The stream has this message already, from another publish. */
  readonly onDuplicate: () => void
}

/** Sent and not acknowledged. The server takes 10,000 for a stream before it refuses more. */
const maxUnacknowledged = 1_024
const maxUnacknowledgedBytes = 8 * 1024 * 1024
/** After which a message is sent again, though the connection is there. */
const ackTimeoutMs = 5_000
const checkEveryMs = 250

/** Errors of the server that mean there is no room: https://github.com/nats-io/nats-server/blob/main/server/errors.json */
const full = new Set([10023, 10028, 10047, 10077, 10110, 10120])
const tooLarge = 10054
/** The stream has no leader now, starts, or takes no more at once. */
const passing = new Set([10008, 10009, 10039, 10076, 10167])

/**
 * Publishes with confirmation over one inbox: a message is pending until the server says that it is stored. Dead letters are marked to be
 * kept for good where the stream can.
 */
export const jetstreamPublisher = (
  link: NatsLink,
  streams: Streams,
  { source, publishWaitMs, onDuplicate }: PublisherOptions,
): Publishing => {
  const { nc } = link
  const inbox = `_INBOX.${crypto.randomUUID()}`
  const pending = new Map<number, Sent>()
  const lanes = new Map<string, Lane<Sent>>()
  let pendingBytes = 0
  let lastToken = 0
  let whenRoom: (() => void)[] = []
  let timer: NodeJS.Timeout | undefined

  const fail = (topic: string, fault: PublishFault, problem: string, cause?: unknown) =>
    new PublishError(problem, { topic, fault, cause })

  const forget = (sent: Sent) => {
    pending.delete(sent.token)
    pendingBytes -= sent.bytes
    if (pending.size === 0) {
      clearInterval(timer)
      timer = undefined
    }
    if (whenRoom.length === 0) return
    const due = whenRoom
    whenRoom = []
    for (const resolve of due) resolve()
  }

  const failBatch = (batch: Batch, error: PublishError) => {
    batch.failed = true
    const line = lanes.get(batch.topic)
    for (const sent of line?.drop((each) => each.batch === batch) ?? []) forget(sent)
    if (line?.first === undefined) lanes.delete(batch.topic)
    batch.reject(error)
  }

  const transmit = (sent: Sent) => {
    sent.sentMs = performance.now()
    if (!link.connected) return
    sent.sends++
    nc.publish(sent.batch.topic, sent.body, { headers: sent.wire, reply: `${inbox}.${sent.token.toString(36)}` })
  }

  const renew = (sent: Sent) => {
    sent.copy++
    sent.sends = 0
    sent.wire = wireHeaders({ ...sent.headers, 'Nats-Msg-Id': `${sent.headers['Nats-Msg-Id'] ?? ''}+${sent.copy}` })
  }

  const laneOf = (topic: string): Lane<Sent> => {
    const known = lanes.get(topic)
    if (known !== undefined) return known
    const made = lane<Sent>({
      transmit,
      renew,
      prepare: () => {
        streams.forget(topic)
        return streams.storing(topic)
      },
      release: forget,
    })
    lanes.set(topic, made)
    return made
  }

  const stored = (sent: Sent, sequence: number) => {
    const { batch, isCounted } = sent
    const line = lanes.get(batch.topic)
    line?.stored(sent, sequence)
    if (line?.first === undefined) lanes.delete(batch.topic)
    sent.isCounted = true
    if (!isCounted && --batch.left === 0) batch.resolve()
  }

  /** What the server knows from another publish may be gone by now, removed by an operator or purged: it is then stored anew. */
  const repeated = async (sent: Sent, sequence: number) => {
    const { batch, copy } = sent
    const isHeld = await streams.holds(batch.topic, sequence).catch(() => undefined)
    if (!pending.has(sent.token) || sent.copy !== copy) return
    if (isHeld === true) {
      onDuplicate()
      return stored(sent, sequence)
    }
    if (isHeld === false) renew(sent)
    lanes.get(batch.topic)?.failed(sent)
  }

  const receive = (error: Error | null, msg: Msg) => {
    if (error !== null) return
    const sent = pending.get(Number.parseInt(msg.subject.slice(inbox.length + 1), 36))
    if (sent === undefined) return
    const { batch } = sent
    if (statusOf(msg) === 503) return lanes.get(batch.topic)?.failed(sent)
    const answer = answerOf(msg)
    if (answer?.error === undefined) {
      if (answer?.stream === undefined) return
      // What was sent twice here may be known from the first time.
      if (answer.duplicate === true && sent.sends === 1) return void repeated(sent, answer.seq ?? 0)
      stored(sent, answer.seq ?? 0)
      return
    }
    const { err_code: code, description, code: status } = answer.error
    const passes = !full.has(code) && (passing.has(code) || status === 429 || status === 503)
    if (passes) return lanes.get(batch.topic)?.failed(sent)
    const fault = full.has(code) ? 'full' : code === tooLarge ? 'too-large' : 'unavailable'
    failBatch(batch, fail(batch.topic, fault, `the server says: ${description} (${code})`))
  }

  nc.subscribe(`${inbox}.*`, { callback: receive })
  link.onReconnect(() => {
    for (const line of lanes.values()) line.restart()
  })
  link.onError((error) => {
    const { operation, subject } = error as { operation?: string; subject?: string }
    if (operation !== 'publish') return
    const batches = new Set([...pending.values()].map(({ batch }) => batch).filter(({ topic }) => topic === subject))
    for (const batch of batches) {
      failBatch(batch, fail(batch.topic, 'bad-topic', 'this user may not publish to it: ask for the permission', error))
    }
  })

  const check = () => {
    const nowMs = performance.now()
    for (const { batch } of pending.values()) {
      if (batch.failed || nowMs < batch.deadlineMs) continue
      const problem = link.connected ? 'NATS did not confirm' : 'no connection to NATS'
      const text = `${problem} within ${publishWaitMs} ms: it may be stored or not`
      failBatch(batch, fail(batch.topic, 'unavailable', text))
    }
    if (!link.connected) return
    for (const line of lanes.values()) {
      if (line.first !== undefined && nowMs - line.first.sentMs > ackTimeoutMs) line.failed(line.first)
    }
  }

  const room = async (batch: Batch, bytes: number) => {
    while (
      !batch.failed &&
      pending.size > 0 &&
      (pending.size >= maxUnacknowledged || pendingBytes + bytes > maxUnacknowledgedBytes)
    ) {
      await new Promise<void>((resolve) => whenRoom.push(resolve))
    }
  }

  /** The stream of the topic, asked for until the deadline. */
  const streamOf = async (topic: string, deadlineMs: number) => {
    for (let attempt = 1; ; attempt++) {
      try {
        await link.whenConnected(Math.max(0, deadlineMs - performance.now()))
        return await streams.storing(topic)
      } catch (cause) {
        const delayMs = reconnectDelayMs(attempt)
        if (nc.isClosed() || performance.now() + delayMs >= deadlineMs) {
          throw fail(topic, 'unavailable', `no stream for it: ${(cause as Error).message}`, cause)
        }
        await new Promise((resolve) => setTimeout(resolve, delayMs))
      }
    }
  }

  const publish = async (topic: string, messages: readonly Message[]): Promise<void> => {
    const deadlineMs = performance.now() + publishWaitMs
    const plain = messages.map((message) => ({
      ...encodeMessage(topic, message, source),
      id: dedupeId(topic, message, source),
    }))
    const { keepsForGood } = await streamOf(topic, deadlineMs)
    const ttl = keepsForGood && isDeadLetterTopic(topic) ? { 'Nats-TTL': 'never' } : {}
    const largest = nc.info?.max_payload ?? Number.POSITIVE_INFINITY
    const ready = plain.map(({ headers, body, id }) => {
      const all = { ...headers, 'Nats-Msg-Id': id, ...ttl }
      const wire = wireHeaders(all)
      const bytes = wire.byteLength + body.byteLength
      if (bytes > largest) {
        throw fail(topic, 'too-large', `a message has ${bytes} bytes with its headers, the server takes ${largest}`)
      }
      return { headers: all, wire, body, bytes }
    })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const batch: Batch = { topic, deadlineMs, left: ready.length, resolve, reject, failed: false }
    promise.catch(() => undefined)
    for (const one of ready) {
      const isFull = pending.size >= maxUnacknowledged || pendingBytes + one.bytes > maxUnacknowledgedBytes
      if (isFull) await room(batch, one.bytes)
      if (batch.failed) break
      const sent: Sent = {
        ...one,
        token: ++lastToken,
        batch,
        sentMs: 0,
        sequence: undefined,
        copy: 0,
        sends: 0,
        isCounted: false,
      }
      pending.set(sent.token, sent)
      pendingBytes += one.bytes
      laneOf(topic).add(sent)
      if (timer === undefined) timer = setInterval(check, checkEveryMs).unref()
    }
    return promise
  }

  return {
    publish,
    get pending() {
      return pending.size
    },
    close: (problem) => {
      for (const batch of new Set([...pending.values()].map((sent) => sent.batch))) {
        failBatch(batch, fail(batch.topic, 'unavailable', problem))
      }
    },
  }
}

interface PublishAnswer {
  readonly stream?: string
  readonly seq?: number
  readonly duplicate?: boolean
  readonly error?: { readonly code: number; readonly err_code: number; readonly description: string }
}

const answerOf = (msg: Msg): PublishAnswer | undefined => {
  try {
    return msg.json<PublishAnswer>()
  } catch {
    return undefined
  }
}
