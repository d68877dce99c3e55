import type { Clock } from '@armature/async/clock'
import { jsonMessage, type Message } from '@armature/messaging/message'
import type { Publisher } from '@armature/messaging/ports'
import { commonMetrics } from '@armature/telemetry/common-metrics'
import { createLedger, type LedgerRow } from '@armature/telemetry/ledger'
import type { Telemetry } from '@armature/telemetry/telemetry'
import { alertMetrics } from '../alert-metrics.ts'
import type { Trace } from '../alerts/alert-book.ts'
import { alertTopic, alertType, type Notice } from '../events.ts'
import { createOutbox } from './outbox.ts'

export interface NoticesOptions {
  readonly publisher: Pick<Publisher, 'publish'>
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly maxQueued: number
  readonly publishTimeoutMs: number
}

/** Publishes notices to `alerts.<name>`, each until the broker has it, in order; with the books `alerts`. */
export interface Notices {
  /** False = no room: to be offered again. The message carries the trace, so that what it causes belongs to it. */
  offer(notice: Notice, trace: Trace, options?: OfferOptions): boolean
  /** Notices not yet published. */
  readonly size: number
  /** Why there is no room, if so. */
  readonly full: string | undefined
  /** Resolves when all are published. */
  idle(): Promise<void>
  /** Gives up what is not published; logs it. Safe to call twice. */
  close(): void
  ledger(): LedgerRow
}

export interface OfferOptions {
  /** The id of the message. Default: a new one. */
  readonly id?: string
  /** Called once the broker has it, or will never take it. */
  readonly onSettled?: () => void
}

/** Publishes as soon as a notice is offered. */
export const createNotices = ({
  publisher,
  clock,
  telemetry,
  maxQueued,
  publishTimeoutMs,
}: NoticesOptions): Notices => {
  const { log, metrics } = telemetry
  const settled = new WeakMap<Message, () => void>()
  const ledger = createLedger({ stage: 'alerts', inFlight: () => outbox.size, metrics })
  const outbox = createOutbox({
    publisher,
    clock,
    random: Math.random,
    maxQueued,
    publishTimeoutMs,
    onPublished: (message) => {
      ledger.acked()
      metrics.count(alertMetrics.alert_notices_total, 1, { status: message.headers['status'] })
      settled.get(message)?.()
    },
    onRetry: ({ topic }, error, delayMs) => {
      metrics.count(commonMetrics.component_errors_total, 1, { component: 'alert-monitor', error_type: 'publish' })
      log.warn({ err: error, topic, delayMs }, 'a notice is not published yet and is tried again')
    },
    onDropped: (message, error) => {
      const { topic, id } = message
      ledger.dropped(`unpublishable-${error.fault}`)
      log.error({ err: error, topic, id }, 'a notice can never be published')
      settled.get(message)?.()
    },
  })

  return {
    offer: (notice, trace, { id, onSettled } = {}) => {
      const message = messageOf(notice, trace, { time: new Date(clock.now()), ...(id !== undefined && { id }) })
      if (onSettled !== undefined) settled.set(message, onSettled)
      if (!outbox.offer(message)) return false
      ledger.received()
      const { status, summary, labels, value, threshold } = notice
      log[status === 'firing' ? 'warn' : 'info']({ alert: notice.name, status, labels, value, threshold }, summary)
      return true
    },
    get size() {
      return outbox.size
    },
    get full() {
      return outbox.size < maxQueued
        ? undefined
        : `${outbox.size} notices wait: ${outbox.failing ?? 'the broker is slow'}`
    },
    idle: () => outbox.idle(),
    close: () => {
      const left = outbox.close()
      if (left.length > 0) log.error({ notices: left.map(({ topic }) => topic) }, 'notices were not published')
    },
    ledger: () => ledger.snapshot(),
  }
}

/** The notices of one alert have one key, and so stay in order. */
const messageOf = (notice: Notice, trace: Trace, options: { readonly time: Date; readonly id?: string }): Message => {
  const { name, status, fingerprint, suppressedBy } = notice
  const attributes = { source: '/armature/alert-monitor', type: alertType(status), subject: name, status }
  const headers = { ...attributes, ...(suppressedBy !== undefined && { suppressed: 'true' }), ...trace }
  return jsonMessage(alertTopic(name), notice, { key: fingerprint, headers, ...options })
}
