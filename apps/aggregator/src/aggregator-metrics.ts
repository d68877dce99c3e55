import { defineMetrics } from '@armature/telemetry/metric'

/** Batches on their way to the sink. */
export const aggregatorMetrics = defineMetrics({
  batch_events: {
    kind: 'histogram',
    unit: '{event}',
    help: 'Events in a batch when it was completed, by mechanism',
    labels: ['mechanism', 'pipeline'],
    buckets: [1, 10, 100, 1_000, 10_000],
  },
  late_events_total: {
    kind: 'counter',
    unit: '{event}',
    help: 'Events that came after their group was completed, and went to the topic for late ones',
    labels: [],
  },
  open_groups: {
    kind: 'gauge',
    unit: '{group}',
    help: 'Groups that are open now',
    labels: ['pipeline'],
  },
})
