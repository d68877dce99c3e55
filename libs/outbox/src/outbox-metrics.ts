import { defineMetrics } from '@armature/telemetry/metric'

/** The relay of the outbox. */
export const outboxMetrics = defineMetrics({
  outbox_published_total: {
    kind: 'counter',
    unit: '{message}',
    help: 'Messages of the outbox that the broker holds',
    labels: ['topic'],
  },
  outbox_refused_total: {
    kind: 'counter',
    unit: '{message}',
    help: 'Messages of the outbox that the broker will never take; they stay in the table, with the reason',
    labels: ['topic', 'fault'],
  },
})
