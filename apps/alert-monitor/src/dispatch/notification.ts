import type { Alert, Labels } from '../alerts/alert.ts'

/** What a receiver is told: the alerts of one group. */
export interface Notification {
  /** `resolved` when none of its alerts fires. */
  readonly status: 'firing' | 'resolved'
  readonly receiver: string
  readonly groupKey: string
  readonly groupLabels: Labels
  readonly alerts: readonly Alert[]
  readonly atMs: number
}

/** One way to tell a receiver, such as one webhook. */
export interface Integration {
  /** Names it among all: `team/webhook/0`. */
  readonly id: string
  readonly sendResolved: boolean
  /** Resolves when the other side has taken it. Rejects where it has not; it is then told again later. */
  notify(notification: Notification, signal: AbortSignal): Promise<void>
}

/** The ways of each receiver, by its name. */
export type Receivers = ReadonlyMap<string, readonly Integration[]>
