import { defineMetrics } from '@armature/telemetry/metric'

/** Batches on their way to the sink. */
export const aggregatorMetrics = defineMetrics({
  batch_events: {
    kind: 'histogram',
    unit: '{event}',
    help: 'Events in a batch when it was completed, by what completed it',
    labels: ['mechanism'],
    buckets: [1, 10, 100, 1_000, 10_000],
  },
})
