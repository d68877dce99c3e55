import { defineMetrics } from '@armature/telemetry/metric'

/** Alerts and what is watched for them. */
export const alertMetrics = defineMetrics({
  alert_notices_total: {
    kind: 'counter',
    unit: '{notice}',
    help: 'Notices of alerts that were published, by status',
    labels: ['status'],
  },
  alert_notifications_total: {
    kind: 'counter',
    unit: '{notification}',
    help: 'Notifications of groups of alerts to receivers, by integration and outcome',
    labels: ['integration', 'outcome'],
  },
  alert_series: { kind: 'gauge', unit: '{series}', help: 'Series that rules watch, once for each rule', labels: [] },
  alert_webhook_requests: {
    kind: 'timer',
    unit: 'ms',
    help: 'Duration of requests to webhooks of receivers, by integration and outcome',
    labels: ['integration', 'outcome'],
  },
  alerts_firing: { kind: 'gauge', unit: '{alert}', help: 'Alerts that fire now', labels: [] },
})
