import { type Alert, isResolved, type Labels } from '../alerts/alert.ts'
import type { Notification } from '../dispatch/notification.ts'

/** The body of a webhook, version 4, as Alertmanager posts it. */
export const webhookMessage = (
  notification: Notification,
  { externalUrl, maxAlerts }: { externalUrl: string; maxAlerts: number },
) => {
  const { alerts, atMs, status, receiver, groupKey, groupLabels } = notification
  const shown = maxAlerts === 0 ? alerts : alerts.slice(0, maxAlerts)
  return {
    version: '4',
    groupKey,
    truncatedAlerts: alerts.length - shown.length,
    status,
    receiver,
    groupLabels,
    commonLabels: common(alerts.map(({ labels }) => labels)),
    commonAnnotations: common(alerts.map(({ annotations }) => annotations)),
    externalURL: externalUrl,
    alerts: shown.map((alert) => ({
      status: isResolved(alert, atMs) ? 'resolved' : 'firing',
      labels: alert.labels,
      annotations: alert.annotations,
      startsAt: new Date(alert.startsAtMs).toISOString(),
      // The zero of Go's times: it has not ended.
      endsAt: isResolved(alert, atMs) ? new Date(alert.endsAtMs).toISOString() : '0001-01-01T00:00:00Z',
      generatorURL: alert.generatorUrl,
      fingerprint: alert.fingerprint,
    })),
  }
}

/** What all have alike. */
export const common = (all: readonly Labels[]): Labels => {
  const [first = {}, ...others] = all
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) =>
      others.every((other) => Object.hasOwn(other, name) && other[name] === value),
    ),
  )
}

/** `[FIRING:2] high-load (host=a)`: the subject of a mail and the title of a chat message. */
export const titleOf = ({ status, alerts, groupLabels, atMs }: Notification): string => {
  const firing = alerts.filter((alert: Alert) => !isResolved(alert, atMs)).length
  const { alertname, ...labels } = { ...common(alerts.map((alert) => alert.labels)), ...groupLabels }
  const rest = Object.entries(labels).map(([name, value]) => `${name}=${value}`)
  const state = status === 'firing' ? `FIRING:${firing}` : 'RESOLVED'
  const title = `[${state}] ${alertname ?? 'alerts'}${rest.length === 0 ? '' : ` (${rest.join(' ')})`}`
  return title.replaceAll(/\s+/g, ' ').slice(0, maxTitleChars)
}

const maxTitleChars = 200

/** An alert a line, with its summary. */
export const linesOf = ({ alerts, atMs }: Notification, maxLines: number): readonly string[] => {
  const lines = alerts.slice(0, maxLines).map((alert) => {
    const state = isResolved(alert, atMs) ? 'resolved' : 'firing'
    const summary = alert.annotations['summary'] ?? alert.annotations['description'] ?? ''
    return `${state}: ${alert.labels['alertname'] ?? alert.fingerprint}: ${summary}`
      .replaceAll(/\s+/g, ' ')
      .slice(0, maxLineChars)
  })
  return alerts.length > maxLines ? [...lines, `and ${alerts.length - maxLines} more`] : lines
}

const maxLineChars = 1_000
