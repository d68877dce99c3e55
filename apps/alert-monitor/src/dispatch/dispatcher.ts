import type { Clock } from '@armature/async/clock'
import type { Alert, Labels } from '../alerts/alert.ts'
import type { Collection } from '../store/kept-collection.ts'
import { createGroup, type Group, type GroupOptions } from './group.ts'
import { type LogRecord, recordOfKept } from './notification-log.ts'
import type { Receivers } from './notification.ts'
import { groupKeyOf, groupLabelsOf, type Route, routesOf } from './route.ts'
import { inInterval, type TimeInterval } from './time-interval.ts'

export interface DispatcherOptions extends Pick<
  GroupOptions,
  'owner' | 'alertOf' | 'isQuiet' | 'isClaimed' | 'onTold' | 'onFailed' | 'onLeft'
> {
  /** Undefined: there are no receivers. */
  readonly route: Route | undefined
  readonly receivers: Receivers
  readonly timeIntervals: ReadonlyMap<string, readonly TimeInterval[]>
  readonly log: Collection<LogRecord>
  readonly clock: Clock
}

/** Brings alerts to receivers, group by group. */
export interface Dispatcher {
  /** Takes an alert that is new or has changed. */
  insert(alert: Alert): void
  /** Whether a group still has to tell of the alert. */
  has(fingerprint: string): boolean
  groups(): readonly Pick<Group, 'labels' | 'route' | 'fingerprints'>[]
  /** The receivers of alerts with these labels. */
  receiversOf(labels: Labels): readonly string[]
  /** The time intervals that keep the branch quiet now. */
  mutedBy(route: Route): readonly string[]
  /** Removes what the log has of alerts that are gone. */
  prune(): void
  close(): void
}

/** No group yet. */
export const createDispatcher = (options: DispatcherOptions): Dispatcher => {
  const { route: root, receivers, timeIntervals, log, clock } = options
  const groups = new Map<string, Group>()
  /** How many groups have an alert. */
  const places = new Map<string, number>()

  const isIn = (name: string): boolean =>
    (timeIntervals.get(name) ?? []).some((interval) => inInterval(interval, clock.now()))

  const mutedBy = ({ muteTimeIntervals: mute, activeTimeIntervals: active }: Route): readonly string[] => [
    ...mute.filter(isIn),
    ...(active.length > 0 && !active.some(isIn) ? active : []),
  ]

  const groupFor = (route: Route, labels: Labels): Group => {
    const groupLabels = groupLabelsOf(route, labels)
    const key = groupKeyOf(route, groupLabels)
    const held = groups.get(key)
    if (held !== undefined) return held
    const group = createGroup({
      ...options,
      key,
      labels: groupLabels,
      route,
      integrations: receivers.get(route.receiver) ?? [],
      mutedBy: () => mutedBy(route),
      isHere: ({ labels: now }) =>
        root !== undefined &&
        routesOf(root, now).some((each) => each === route && groupKeyOf(each, groupLabelsOf(each, now)) === key),
      onEmpty: () => groups.delete(key),
      onLeft: (fingerprint) => {
        const left = (places.get(fingerprint) ?? 1) - 1
        if (left > 0) places.set(fingerprint, left)
        else places.delete(fingerprint)
        options.onLeft(fingerprint)
      },
    })
    groups.set(key, group)
    return group
  }

  return {
    insert: (alert) => {
      if (root === undefined) return
      for (const route of routesOf(root, alert.labels)) {
        const group = groupFor(route, alert.labels)
        if (!group.fingerprints.has(alert.fingerprint))
          places.set(alert.fingerprint, (places.get(alert.fingerprint) ?? 0) + 1)
        group.insert(alert)
      }
    },
    has: (fingerprint) => places.has(fingerprint),
    groups: () => [...groups.values()],
    receiversOf: (labels) =>
      root === undefined ? [] : [...new Set(routesOf(root, labels).map(({ receiver }) => receiver))],
    mutedBy,
    prune: () => {
      const kept = { isKept: (fingerprint: string) => options.alertOf(fingerprint) !== undefined, nowMs: clock.now() }
      for (const [id, record] of log.entries())
        if (recordOfKept(record, kept) !== record) void log.update(id, (held) => held && recordOfKept(held, kept))
    },
    close: () => {
      for (const group of groups.values()) group.close()
      groups.clear()
    },
  }
}
