import { nanos, type Msg } from '@nats-io/nats-core'
import { addedHeader } from './codec.ts'
import type { Connection } from './connection.ts'
import { pullBudget, type Room } from './jetstream-pull-budget.ts'
import { pullSchedule } from './jetstream-pull-schedule.ts'
import { watchSilence } from './jetstream-silence.ts'
import { readPullStatus, type PullStatus } from './jetstream-pull-status.ts'

export interface PullParts {
  readonly connection: Connection
  readonly stream: string
  readonly consumer: string
  /** The priority group of a consumer that gives messages to one pinned member at a time. */
  readonly pinGroup?: string | undefined
  /** Asked before each request: what there is room for, beyond so many messages that are requested already. */
  readonly room: (requested: number) => Room
  readonly onMessage: (msg: Msg) => void
  /** This member becomes the pinned one. Called before its first message. */
  readonly onPinned?: (pinId: string) => void
  /** The consumer is not there any more, or says nothing. Nothing is pulled from now on. Called once. */
  readonly onGone: () => void
}

/** The requests for messages of one consumer: as many as there is room for. */
export interface Pull {
  /** There may be more room than before. */
  wake(): void
  /** The consumer is said to be deleted. A request under way tells so by itself; where none is, `onGone` follows. */
  consumerDeleted(): void
  /** This member is not the pinned one any more. The next message with a pin makes it the pinned one. */
  forgetPin(): void
  /** Requests nothing more. Resolves when the server knows. What it had sent before still comes. */
  stop(): Promise<void>
}

const expiresMs = 30_000
const heartbeatMs = 2_000
/** Requests are made again after so long without a sign of the server. After one more such silence the consumer is taken for gone. */
const silenceMs = 2 * heartbeatMs + 1_000
const maxSilences = 1
/** The bytes of subject, reply subject and headers of a message, which the server counts too. */
const overheadBytes = 4_096

/**
 * Pulls by the protocol of JetStream (https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-13.md). The client's own
 * `consume()` buffers more messages than there is room for, and cannot give those back that no handler has.
 */
export const pull = (parts: PullParts): Pull => {
  const { connection } = parts
  const inbox = `_INBOX.${crypto.randomUUID()}`
  const budget = pullBudget()
  let requests = 0
  /** Requests with a lower number are written off: their statuses count for nothing. */
  let firstRequest = 0
  let pinId: string | undefined

  const writeOff = () => {
    budget.writeOff()
    firstRequest = requests
  }

  const schedule = pullSchedule(() => {
    if (!connection.connected) return
    const room = parts.room(budget.requested)
    const next = budget.next(room, (connection.nc.info?.max_payload ?? 0) + overheadBytes)
    if (next === undefined) return
    connection.nc.publish(subjectOf(parts), requestBody(next, parts.pinGroup, pinId), {
      reply: `${inbox}.${requests++}`,
    })
    if (next.messages < room.messages) schedule.wake()
  })
  const { wake } = schedule

  const end = () => {
    schedule.end()
    silence.end()
    forgetReconnect()
  }

  const gone = () => {
    if (schedule.hasEnded) return
    end()
    subscription.unsubscribe()
    parts.onGone()
  }

  const onStatus = (status: PullStatus, number: number) => {
    if (status.kind === 'heartbeat' || number < firstRequest) return
    if (status.kind === 'gone') return gone()
    if (status.kind === 'failed') {
      writeOff()
      return schedule.backOff()
    }
    budget.unserved(status.unserved)
    if (status.kind === 'unpinned') pinId = undefined
    wake()
  }

  const receive = (error: Error | null, msg: Msg) => {
    if (error !== null) return
    silence.heard()
    const status = msg.subject.startsWith(inbox) ? readPullStatus(msg) : undefined
    if (status !== undefined) return onStatus(status, Number(msg.subject.slice(inbox.length + 1)))
    budget.received(msg.data.byteLength)
    const pin = parts.pinGroup === undefined ? '' : addedHeader(msg, 'Nats-Pin-Id')
    if (pin !== '' && pin !== pinId) {
      pinId = pin
      parts.onPinned?.(pin)
    }
    parts.onMessage(msg)
    wake()
  }

  const subscription = connection.nc.subscribe(`${inbox}.*`, { callback: receive })
  const forgetReconnect = connection.onReconnect(() => {
    writeOff()
    silence.restart()
    wake()
  })
  const silence = watchSilence({
    everyMs: heartbeatMs,
    limitMs: silenceMs,
    isOwed: () => budget.requested > 0 && connection.connected,
    // A consumer that went with its server says nothing, and nobody says that it is gone.
    onSilence: (times) => (times > maxSilences ? gone() : writeOff()),
    onLook: wake,
  })
  wake()

  return {
    wake,
    consumerDeleted: () => {
      if (budget.requested === 0) gone()
    },
    forgetPin: () => {
      pinId = undefined
    },
    stop: async () => {
      if (schedule.hasEnded) return
      end()
      // The server goes on sending until it has read that nobody listens.
      if (connection.connected) await subscription.drain().catch(() => undefined)
      else subscription.unsubscribe()
    },
  }
}

const subjectOf = ({ stream, consumer }: PullParts): string => `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`

const requestBody = ({ messages, bytes }: Room, group: string | undefined, id: string | undefined): string =>
  JSON.stringify({
    batch: messages,
    max_bytes: bytes,
    expires: nanos(expiresMs),
    idle_heartbeat: nanos(heartbeatMs),
    ...(group === undefined ? {} : { group, ...(id === undefined ? {} : { id }) }),
  })
