import { defineMetrics } from '../src/metric.ts'

/** Metrics as a project would declare them. */
export const demoMetrics = defineMetrics({
  batch_events: {
    kind: 'histogram',
    unit: '{event}',
    help: 'Events in a batch',
    labels: ['mechanism'],
    buckets: [1, 10, 100, 1_000, 10_000],
  },
  monitor: { kind: 'timer', unit: 'ms', help: 'Duration of monitor calls', labels: [] },
  monitor_count: { kind: 'counter', unit: '{call}', help: 'Monitor calls', labels: [] },
  'rpc.server.call.duration': {
    kind: 'timer',
    unit: 'ms',
    help: 'Duration of RPCs',
    labels: ['rpc.method', 'rpc.status_code'],
  },
  search: { kind: 'timer', unit: 'ms', help: 'Duration of search calls', labels: [] },
  search_count: { kind: 'counter', unit: '{call}', help: 'Search calls', labels: [] },
})
