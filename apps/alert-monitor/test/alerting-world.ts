import { type DrivenClock, drivenClock } from '@armature/async/clock'
import { onTestFinished } from 'vitest'
import { createAlertManager } from '../src/alerts/alert-manager.ts'
import { isResolved } from '../src/alerts/alert.ts'
import { readAlertsPlan } from '../src/dispatch/alerts-config.ts'
import type { Integration, Notification } from '../src/dispatch/notification.ts'
import type { Notice } from '../src/events.ts'
import { createCollections } from '../src/store/collections.ts'
import { memoryBucket, type MemoryBucket } from './memory-key-value.ts'

export interface AlertingOptions {
  readonly config?: string
  readonly clock?: DrivenClock
  readonly bucket?: MemoryBucket
  readonly owner?: string
  readonly maxAlerts?: number
  readonly repeatMs?: number
  /** Replaces the receivers of the configuration. */
  readonly notify?: (notification: Notification, signal: AbortSignal) => Promise<void>
  /** Whether the outbox has room and the broker takes what is in it. */
  readonly publish?: (notice: Notice, id: string, onPublished: () => void) => boolean
  readonly sendResolved?: boolean
}

const startMs = Date.UTC(2026, 0, 5, 12)

/** An alert manager on a driven clock, with one integration a receiver. */
export const openAlertingWorld = async (options: AlertingOptions = {}) => {
  const { config = '', clock = drivenClock(startMs), bucket = memoryBucket(), sendResolved = true } = options
  const plan = readAlertsPlan(config, 'alerts.yaml')
  const told: string[] = []
  const published: Notice[] = []
  const ids: string[] = []
  const warnings: string[] = []
  const failed: unknown[] = []
  const integration = (name: string): Integration => ({
    id: `${name}/test/0`,
    sendResolved,
    notify: async (notification, signal) => {
      await options.notify?.(notification, signal)
      told.push(lineOf(notification))
    },
  })
  const collections = createCollections({ bucket: bucket.connect(), clock, warn: (problem) => warnings.push(problem) })
  const manager = createAlertManager({
    ...{ plan, collections, clock, owner: options.owner ?? 'one' },
    receivers: new Map(plan.receivers.map(({ name }) => [name, [integration(name)]])),
    maxAlerts: options.maxAlerts ?? 100,
    maxSilences: 10,
    maxClaims: 10,
    repeatMs: options.repeatMs ?? 14_400_000,
    publish: (notice, _trace, id, onPublished) => {
      if (options.publish !== undefined && !options.publish(notice, id, onPublished)) return false
      published.push(notice)
      ids.push(id)
      if (options.publish === undefined) queueMicrotask(onPublished)
      return true
    },
    onTold: () => undefined,
    onFailed: (_integration, error) => failed.push(error),
  })
  await manager.start()
  onTestFinished(() => manager.close())
  const world = {
    ...{ manager, clock, bucket, ids, warnings, failed, collections },
    /** The alerts of rules that fire: they are refreshed. */
    firing: new Set<Notice>(),
    /** The alerts of rules whose condition holds, and not long enough yet. */
    pending: new Set<Notice>(),
    /** What receivers were told since this was last asked. */
    told: () => told.splice(0),
    /** What topics were told since this was last asked: `name status`. */
    topics: () =>
      published.splice(0).map(({ name, status, suppressedBy }) => `${name} ${status}${suppressedBy ? ' quiet' : ''}`),
    notices: published,
    raise: async (name: string, labels: Readonly<Record<string, string>> = {}): Promise<Notice> => {
      const notice = noticeOf(name, labels, clock.now())
      world.firing.add(notice)
      manager.offer(notice, {})
      await clock.advance(0)
      return notice
    },
    resolve: async (notice: Notice) => {
      world.firing.delete(notice)
      manager.offer({ ...notice, status: 'resolved', endsAt: new Date(clock.now()).toISOString() }, {})
      await clock.advance(0)
    },
    /** Ticks once a second. */
    pass: async (seconds: number) => {
      for (let second = 0; second < seconds; second += 1) {
        await clock.advance(1_000)
        manager.tick([...world.firing], [...world.pending])
        await clock.advance(0)
      }
    },
  }
  return world
}

export type AlertingWorld = Awaited<ReturnType<typeof openAlertingWorld>>

/** `ops: cpu(a) firing, cpu(b) resolved` */
const lineOf = ({ receiver, alerts, atMs }: Notification): string =>
  `${receiver}: ${alerts
    .map(
      (alert) =>
        `${alert.labels['alertname']}(${alert.labels['host'] ?? ''}) ${isResolved(alert, atMs) ? 'resolved' : 'firing'}`,
    )
    .toSorted()
    .join(', ')}`

export const noticeOf = (name: string, labels: Readonly<Record<string, string>>, atMs: number): Notice => ({
  status: 'firing',
  name,
  rule: 'cpu > 90',
  severity: 'warning',
  labels: { metric: 'cpu', ...labels },
  fingerprint: `${name}-${Object.values(labels).join('-')}`,
  value: 99,
  threshold: 90,
  startsAt: new Date(atMs).toISOString(),
  endsAt: null,
  summary: 'cpu is 99',
})

export const silenceOf = (
  world: AlertingWorld,
  matcher: { name: string; value: string; isRegex?: boolean },
  forMs: number,
) =>
  world.manager.silences.set({
    matchers: [{ isRegex: false, isEqual: true, ...matcher }],
    startsAtMs: world.clock.now(),
    endsAtMs: world.clock.now() + forMs,
    createdBy: 'test',
    comment: 'maintenance',
  })
