import { defineMetrics } from './metric.ts'

/** The metrics of services of any kind: events that pass a component, the books of a stage, and what telemetry tells about itself. */
export const commonMetrics = defineMetrics({
  buffer_size_bytes: {
    kind: 'gauge',
    unit: 'By',
    help: 'Size of the buffer of items that are not sent yet',
    labels: ['component'],
  },
  component_discarded_events_total: {
    kind: 'counter',
    unit: '{event}',
    help: 'Events that were given up, by reason; intentional = by a rule, else by a fault',
    labels: ['component', 'intentional', 'reason'],
  },
  component_errors_total: {
    kind: 'counter',
    unit: '{error}',
    help: 'Errors of a component, by kind',
    labels: ['component', 'error_type'],
  },
  component_received_events_total: {
    kind: 'counter',
    unit: '{event}',
    help: 'Events that came in',
    labels: ['component'],
  },
  component_sent_events_total: {
    kind: 'counter',
    unit: '{event}',
    help: 'Events that went out',
    labels: ['component'],
  },
  event_loop_delay: {
    kind: 'gauge',
    unit: 'ms',
    help: 'Recent delay of the event loop, by quantile',
    labels: ['quantile'],
  },
  ledger_acked_total: {
    kind: 'counter',
    unit: '{event}',
    help: 'Deliveries acknowledged, by stage',
    labels: ['stage'],
  },
  ledger_dead_lettered_total: {
    kind: 'counter',
    unit: '{event}',
    help: 'Deliveries put into a dead-letter topic, by stage',
    labels: ['stage'],
  },
  ledger_dropped_total: {
    kind: 'counter',
    unit: '{event}',
    help: 'Deliveries given up, by stage and reason',
    labels: ['stage', 'reason'],
  },
  ledger_in_flight: { kind: 'gauge', unit: '{event}', help: 'Deliveries not settled yet, by stage', labels: ['stage'] },
  ledger_received_total: { kind: 'counter', unit: '{event}', help: 'Deliveries received, by stage', labels: ['stage'] },
  ledger_returned_total: {
    kind: 'counter',
    unit: '{event}',
    help: 'Deliveries given back to come again, by stage',
    labels: ['stage'],
  },
  log_lines_discarded_total: {
    kind: 'counter',
    unit: '{line}',
    help: 'Log lines of this service that were not written, by reason',
    labels: ['reason'],
  },
  telemetry_errors_total: {
    kind: 'counter',
    unit: '{error}',
    help: 'Errors of the metrics and trace export; they never reach the caller',
    labels: ['sink'],
  },
  telemetry_rejected_values_total: {
    kind: 'counter',
    unit: '{value}',
    help: 'Recordings that were no finite number, or a negative count or duration',
    labels: ['metric'],
  },
  telemetry_series_overflow_total: {
    kind: 'counter',
    unit: '{value}',
    help: 'Recordings whose labels were replaced because the metric had reached its limit of label sets',
    labels: ['metric'],
  },
})
