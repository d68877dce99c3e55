import { nanos, type Msg } from '@nats-io/nats-core'
import { addedHeader, statusOf } from './codec.ts'
import type { NatsLink } from './connection.ts'

/** How many messages, and of how many bytes, there is room for. */
export interface Room {
  readonly messages: number
  readonly bytes: number
}

export interface PullParts {
  readonly link: NatsLink
  readonly stream: string
  readonly consumer: string
  /** The consumer gives messages to one of its clients at a time (its priority group). */
  readonly pinGroup?: string | undefined
  /** Asked before each request, with what is requested and has not come. */
  readonly room: (requested: number) => Room
  readonly onMessage: (msg: Msg) => void
  /** The turn of this client begins, before its first message. */
  readonly onTurn?: () => void
  /** The consumer is not there any more: nothing is pulled from now on. Called once. */
  readonly onGone: () => void
}

/** The requests for messages of one consumer, as many as there is room for. */
export interface Pull {
  /** There may be more room than before. */
  wake(): void
  /** Somebody says that the consumer is gone: that counts where no request is under way, which the server would answer so. */
  lost(): void
  /** Requests nothing more. Resolves when the server knows; what it had sent before still came. */
  stop(): Promise<void>
}

const expiresMs = 30_000
const heartbeatMs = 2_000
/** Without a sign of life for so long, what was requested is requested again. */
const silenceMs = 2 * heartbeatMs + 1_000
const retryMs = 250
const gone = /Consumer Deleted|Consumer is push based/i

/**
 * Pulls by the protocol of JetStream (https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-13.md). Not by the
 * client's `consume()`: that buffers messages beyond what is asked for and cannot give back those that no handler has.
 */
export const pull = (parts: PullParts): Pull => {
  const { link, pinGroup } = parts
  const { nc } = link
  const subject = `$JS.API.CONSUMER.MSG.NEXT.${parts.stream}.${parts.consumer}`
  const inbox = `_INBOX.${crypto.randomUUID()}`
  let requests = 0
  /** Tokens below are of requests that are written off. */
  let firstRequest = 0
  let requested = 0
  let requestedBytes = 0
  let pinId: string | undefined
  let heardMs = performance.now()
  let isScheduled = false
  let ended = false
  let retry: NodeJS.Timeout | undefined

  const writeOff = () => {
    requested = 0
    requestedBytes = 0
    firstRequest = requests
  }

  const request = () => {
    isScheduled = false
    if (ended || retry !== undefined || !link.connected) return
    const room = parts.room(requested)
    const bytes = room.bytes - requestedBytes
    if (room.messages <= 0 || (bytes <= 0 && requested > 0) || room.bytes <= 0) return
    // As many requests as are worth their cost: none for a few messages while many are on their way.
    if (requested > 0 && room.messages < (requested + room.messages) / 4) return
    // No more than half at once, so that the next request is there before this one is served.
    const messages = Math.min(room.messages, Math.ceil((requested + room.messages) / 2))
    const maxBytes = Math.max(Math.min(bytes, Math.ceil(room.bytes / 2)), (nc.info?.max_payload ?? 0) + 4_096)
    requested += messages
    requestedBytes += maxBytes
    const body = {
      batch: messages,
      max_bytes: maxBytes,
      expires: nanos(expiresMs),
      idle_heartbeat: nanos(heartbeatMs),
      ...(pinGroup === undefined ? {} : { group: pinGroup, ...(pinId === undefined ? {} : { id: pinId }) }),
    }
    nc.publish(subject, JSON.stringify(body), { reply: `${inbox}.${requests++}` })
    if (messages < room.messages) wake()
  }

  const wake = () => {
    if (isScheduled || ended) return
    isScheduled = true
    setImmediate(request)
  }

  const wakeLater = () => {
    retry ??= setTimeout(() => {
      retry = undefined
      wake()
    }, retryMs).unref()
  }

  const end = () => {
    ended = true
    clearTimeout(retry)
    clearInterval(watchdog)
    forgetReconnect()
  }

  const goneFor = () => {
    if (ended) return
    end()
    subscription.unsubscribe()
    parts.onGone()
  }

  /** What the server says of a request: https://github.com/nats-io/nats-server/blob/main/server/consumer.go */
  const onStatus = (msg: Msg, code: number) => {
    const { headers } = msg
    if (code === 100 || Number(msg.subject.slice(inbox.length + 1)) < firstRequest) return
    requested = Math.max(0, requested - Number(headers?.get('Nats-Pending-Messages') ?? 0))
    requestedBytes = requested === 0 ? 0 : Math.max(0, requestedBytes - Number(headers?.get('Nats-Pending-Bytes') ?? 0))
    const text = headers?.description ?? ''
    if (code === 409 && gone.test(text)) return goneFor()
    if (code === 503 || code === 404) {
      writeOff()
      return code === 503 ? goneFor() : wakeLater()
    }
    if (code === 423) pinId = undefined
    if (code === 408 || code === 423 || /Batch Completed|Exceeds MaxBytes/i.test(text)) return wake()
    writeOff()
    wakeLater()
  }

  const receive = (error: Error | null, msg: Msg) => {
    if (error !== null) return
    heardMs = performance.now()
    if (msg.subject.startsWith(inbox)) {
      const code = statusOf(msg)
      if (code > 0) return onStatus(msg, code)
    }
    if (requested > 0) requested--
    requestedBytes = requested === 0 ? 0 : Math.max(0, requestedBytes - msg.data.byteLength)
    const pin = pinGroup === undefined ? '' : addedHeader(msg, 'Nats-Pin-Id')
    if (pin !== '' && pin !== pinId) {
      pinId = pin
      parts.onTurn?.()
    }
    parts.onMessage(msg)
    if (!ended) wake()
  }

  const subscription = nc.subscribe(`${inbox}.*`, { callback: receive })
  const forgetReconnect = link.onReconnect(() => {
    writeOff()
    heardMs = performance.now()
    wake()
  })
  const watchdog = setInterval(() => {
    if (requested > 0 && link.connected && performance.now() - heardMs > silenceMs) {
      writeOff()
      heardMs = performance.now()
    }
    wake()
  }, heartbeatMs).unref()
  wake()

  return {
    wake,
    lost: () => {
      if (requested === 0) goneFor()
    },
    stop: async () => {
      if (ended) return
      end()
      // The server keeps sending until it has read that nobody listens.
      if (link.connected) await subscription.drain().catch(() => undefined)
      else subscription.unsubscribe()
    },
  }
}
