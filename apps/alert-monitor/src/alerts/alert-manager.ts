import type { Clock } from '@armature/async/clock'
import type { AlertsPlan } from '../dispatch/alerts-config.ts'
import { createDispatcher, type Dispatcher } from '../dispatch/dispatcher.ts'
import { logRecord } from '../dispatch/notification-log.ts'
import type { Receivers } from '../dispatch/notification.ts'
import type { Notice } from '../events.ts'
import type { Collections } from '../store/collections.ts'
import { type Alert, isResolved, type PostedAlert, resolvedAlert } from './alert.ts'
import type { Trace } from './alert-book.ts'
import { createAlertIntake } from './alert-intake.ts'
import { createAlertRecords } from './alert-records.ts'
import { type Claims, createClaims } from './claims.ts'
import { createFlapScores } from './flap-score.ts'
import { createInhibition } from './inhibition.ts'
import { createPending } from './pending.ts'
import { createRetention } from './retention.ts'
import { createSilences, type Silences } from './silences.ts'
import { isQuietBy, type Suppression, suppressionOf } from './suppression.ts'
import { createTopicTeller } from './topic-teller.ts'

export interface AlertManagerOptions {
  readonly plan: AlertsPlan
  readonly receivers: Receivers
  /** Not loaded yet. */
  readonly collections: Collections
  /** Names this process among those that share the collections. */
  readonly owner: string
  readonly clock: Clock
  /** Alerts at once, resolved ones that are still to be told among them. */
  readonly maxAlerts: number
  readonly maxSilences: number
  readonly maxClaims: number
  /** The topic of a firing alert is told again after so long. */
  readonly repeatMs: number
  /** Publishes a notice to its topic; false = no room now. `onPublished` is called once the broker has it. */
  readonly publish: (notice: Notice, trace: Trace, id: string, onPublished: () => void) => boolean
  readonly onTold: (integration: string) => void
  readonly onFailed: (integration: string, error: unknown) => void
}

/** Takes alerts and tells of them: first their topic, then the receivers of their routes. */
export interface AlertManager {
  /** Reads what is kept. Rejects where that is not possible. */
  start(): Promise<void>
  /** Takes what a rule says; false = no room now. */
  offer(notice: Notice, trace: Trace): boolean
  /** Takes alerts of others. Resolves when they are kept. Rejects with TooManyAlertsError and NotKeptError. */
  post(alerts: readonly PostedAlert[]): Promise<void>
  /**
   * Takes which alerts of the rules fire now, ends those that nobody refreshes, and tells what is due. To be called at a steady pace. `pending`:
   * those whose condition holds, and not long enough yet. One that fires since before a restart goes on meanwhile.
   */
  tick(firing: readonly Notice[], pending: readonly Notice[]): void
  alerts(): readonly Alert[]
  get(fingerprint: string): Alert | undefined
  suppressionOf(alert: Alert): Suppression
  flapScoreOf(fingerprint: string): number
  readonly silences: Silences
  readonly claims: Claims
  readonly dispatcher: Dispatcher
  /** Notices to topics that found no room yet, and alerts that are not kept yet. */
  readonly owed: number
  /** Resolves when no alert is on its way into the store. */
  idle(): Promise<void>
  close(): Promise<void>
}

const pruneEveryMs = 60_000

/** Has no alert before `start`. */
export const createAlertManager = (options: AlertManagerOptions): AlertManager => {
  const { plan, collections, clock, maxAlerts, repeatMs, publish } = options
  const nowMs = () => clock.now()
  const pending = createPending()
  const { flaps, inhibition, silences, claims, log } = createKeepers(options)
  let pruneAtMs = 0
  let isStarted = false

  const records = createAlertRecords({
    collections,
    nowMs,
    onUpdate: (alert) => inhibition.update(alert),
    onTurn: (alert) => {
      if (isStarted) flaps.changed(alert.fingerprint, nowMs())
    },
    onRoutes: (alert) => {
      if (isStarted) dispatcher.insert(alert)
    },
    onGone: (fingerprint) => {
      inhibition.forget(fingerprint)
      topics.forget(fingerprint)
    },
  })
  const { stored } = records
  const suppression = (alert: Alert) => suppressionOf(alert, { silences, inhibition, nowMs: nowMs() })
  const dispatcher = createDispatcher({
    ...options,
    ...{ route: plan.route, timeIntervals: plan.timeIntervals, log },
    alertOf: (fingerprint) => stored.get(fingerprint)?.alert,
    isQuiet: (alert) => isQuietBy(suppression(alert)),
    isClaimed: (fingerprint) => claims.of(fingerprint) !== undefined,
    onLeft: (fingerprint) => pending.note(retention.removeIfDone(fingerprint)),
  })
  const retention = createRetention({ stored, maxAlerts, isHeld: dispatcher.has })
  const topics = createTopicTeller({
    ...{ stored, suppressionOf: suppression, claims, flaps, repeatMs, nowMs, publish },
    onTold: async (fingerprint, told) => {
      await pending.track(stored.update(fingerprint, (held) => held && { ...held, told }))
      await pending.track(retention.removeIfDone(fingerprint))
    },
  })

  const intake = createAlertIntake({
    ...{ stored, retention, pending, nowMs, maxAlerts, resolveTimeoutMs: plan.resolveTimeoutMs },
    onKept: (fingerprint) => {
      records.own(fingerprint)
      topics.tell(fingerprint)
    },
  })

  const tick: AlertManager['tick'] = (firing, waiting) => {
    const goOn = waiting.filter(({ fingerprint }) => stored.get(fingerprint)?.alert.notice.status === 'firing')
    // What is refreshed gets its new end a little later.
    const refreshed = new Set<string>()
    for (const notice of [...firing, ...goOn]) {
      intake.refresh(notice)
      refreshed.add(notice.fingerprint)
    }
    for (const { alert } of stored.values()) {
      const { fingerprint, notice } = alert
      const isOverdue = notice.status === 'firing' && isResolved(alert, nowMs()) && !refreshed.has(fingerprint)
      if (isOverdue) void intake.take(resolvedAlert(alert, alert.endsAtMs, nowMs()))
      else if (!records.isOfAnother(fingerprint)) topics.tell(fingerprint)
    }
    if (nowMs() < pruneAtMs) return
    pruneAtMs = nowMs() + pruneEveryMs
    for (const each of [silences, claims, dispatcher]) each.prune()
  }

  return {
    ...{ silences, claims, dispatcher, tick },
    start: async () => {
      await collections.load()
      isStarted = true
      for (const { alert } of stored.values()) dispatcher.insert(alert)
    },
    offer: intake.offer,
    post: intake.post,
    alerts: () => [...stored.values()].map(({ alert }) => alert),
    get: (fingerprint) => stored.get(fingerprint)?.alert,
    suppressionOf: suppression,
    flapScoreOf: (fingerprint) => flaps.score(fingerprint, nowMs()),
    get owed() {
      return pending.size + collections.unsaved
    },
    idle: pending.idle,
    close: async () => {
      dispatcher.close()
      await collections.close()
    },
  }
}

/** What says whether and how often alerts are told. */
const createKeepers = ({ plan, collections, clock, ...max }: AlertManagerOptions) => {
  const nowMs = () => clock.now()
  const { maxAlerts, maxSilences, maxClaims } = max
  return {
    flaps: createFlapScores(maxAlerts),
    inhibition: createInhibition(plan.inhibitRules),
    silences: createSilences({ collections, maxSilences, nowMs }),
    claims: createClaims({ collections, maxClaims, nowMs }),
    log: collections.collection({
      prefix: 'log',
      schema: logRecord,
      merge: (own, other) => (own.toldAtMs >= other.toldAtMs ? own : other),
    }),
  }
}
