import type { Alert } from './alert.ts'
import { isResolved } from './alert.ts'
import type { Inhibition } from './inhibition.ts'
import type { Silences } from './silences.ts'

/** What keeps an alert quiet now. */
export interface Suppression {
  /** Ids of silences. */
  readonly silencedBy: readonly string[]
  /** Fingerprints of alerts. */
  readonly inhibitedBy: readonly string[]
}

/** Nothing keeps the end of an alert quiet. */
export const suppressionOf = (
  alert: Alert,
  {
    silences,
    inhibition,
    nowMs,
  }: { readonly silences: Silences; readonly inhibition: Inhibition; readonly nowMs: number },
): Suppression =>
  isResolved(alert, nowMs)
    ? { silencedBy: [], inhibitedBy: [] }
    : { silencedBy: silences.covering(alert.labels, nowMs), inhibitedBy: inhibition.inhibitorsOf(alert, nowMs) }

/** Whether anything keeps the alert quiet. */
export const isQuietBy = ({ silencedBy, inhibitedBy }: Suppression): boolean =>
  silencedBy.length > 0 || inhibitedBy.length > 0
