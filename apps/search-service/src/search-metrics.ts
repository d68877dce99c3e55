import { defineMetrics } from '@armature/telemetry/metric'

/** Calls of the search API. */
export const searchMetrics = defineMetrics({
  monitor: { kind: 'timer', unit: 'ms', help: 'Duration of monitor calls', labels: [] },
  monitor_count: { kind: 'counter', unit: '{call}', help: 'Monitor calls', labels: [] },
  search: { kind: 'timer', unit: 'ms', help: 'Duration of search calls', labels: [] },
  search_count: { kind: 'counter', unit: '{call}', help: 'Search calls', labels: [] },
})
