/** What one metric is. */
export interface MetricDefinition {
  /** A timer is a histogram of durations. */
  readonly kind: 'counter' | 'timer' | 'gauge' | 'histogram'
  /** `ms` is exported as seconds to OpenTelemetry and Prometheus and as it is to StatsD; `By` = bytes, `{event}` = a count of. */
  readonly unit: 'ms' | 'By' | '1' | `{${string}}`
  readonly help: string
  /** The label names that a recording may have. Their values must come from a small set. */
  readonly labels: readonly string[]
  /** Upper ends of the histogram's buckets, in its unit. */
  readonly buckets?: readonly number[]
}

/** Every metric of the platform. A metric that is not here cannot be recorded. Alphabetical. */
export const metricNames = {
  alert_notices_total: {
    kind: 'counter',
    unit: '{notice}',
    help: 'Notices of alerts that were published, by status',
    labels: ['status'],
  },
  alert_series: { kind: 'gauge', unit: '{series}', help: 'Series that rules watch, once for each rule', labels: [] },
  alerts_firing: { kind: 'gauge', unit: '{alert}', help: 'Alerts that fire now', labels: [] },
  batch_events: {
    kind: 'histogram',
    unit: '{event}',
    help: 'Events in a batch when it was completed, by what completed it',
    labels: ['mechanism'],
    buckets: [1, 10, 100, 1_000, 10_000],
  },
  buffer_size_bytes: {
    kind: 'gauge',
    unit: 'By',
    help: 'Size of the buffer that holds what is not sent yet',
    labels: ['component'],
  },
  component_discarded_events_total: {
    kind: 'counter',
    unit: '{event}',
    help: 'Events that were given up, by reason; intentional = a rule said so, else a fault',
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
  config_changes_total: {
    kind: 'counter',
    unit: '{change}',
    help: 'Changes of settings in KV, by outcome: applied, restart, waiting, taken_back or rejected',
    labels: ['outcome'],
  },
  'db.client.operation.duration': {
    kind: 'timer',
    unit: 'ms',
    help: 'Duration of database statements, by their first word',
    labels: ['db.system.name', 'db.operation.name', 'error.type'],
  },
  dead_letter_errors_total: {
    kind: 'counter',
    unit: '{message}',
    help: 'Dead letters that could not be published; their messages come again',
    labels: ['topic'],
  },
  dead_letters_total: {
    kind: 'counter',
    unit: '{message}',
    help: 'Messages put into a dead-letter topic, by the topic they came from and reason',
    labels: ['topic', 'reason'],
  },
  discovery_held_answers_total: {
    kind: 'counter',
    unit: '{answer}',
    help: 'Answers of a registry that were not believed, by reason: empty or failed; what was known stayed in force',
    labels: ['service', 'reason'],
  },
  discovery_registrations_total: {
    kind: 'counter',
    unit: '{registration}',
    help: 'Registrations of this instance, by outcome: registered, registered_again, deregistered or failed',
    labels: ['outcome'],
  },
  event_loop_delay: {
    kind: 'gauge',
    unit: 'ms',
    help: 'Delay of the event loop lately, by quantile',
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
  'messaging.client.consumed.messages': {
    kind: 'counter',
    unit: '{message}',
    help: 'Messages delivered to a handler',
    labels: ['messaging.system', 'messaging.destination.name', 'messaging.consumer.group.name'],
  },
  'messaging.process.duration': {
    kind: 'timer',
    unit: 'ms',
    help: 'From the delivery of a message until it was settled',
    labels: ['messaging.system', 'messaging.destination.name', 'messaging.consumer.group.name', 'error.type'],
  },
  messaging_broker_up: {
    kind: 'gauge',
    unit: '1',
    help: 'Whether the broker answers: 1 where it does, else 0',
    labels: [],
  },
  messaging_unreadable_partitions: {
    kind: 'gauge',
    unit: '{partition}',
    help: 'Partitions that are subscribed to and cannot be read',
    labels: [],
  },
  monitor: { kind: 'timer', unit: 'ms', help: 'Duration of monitor calls', labels: [] },
  monitor_count: { kind: 'counter', unit: '{call}', help: 'Monitor calls', labels: [] },
  reactor_handled_total: {
    kind: 'counter',
    unit: '{message}',
    help: 'Messages that a handler is done with, by outcome: handled or filtered',
    labels: ['handler', 'outcome'],
  },
  'rpc.server.call.duration': {
    kind: 'timer',
    unit: 'ms',
    help: 'Duration of RPCs that this server answered',
    labels: ['rpc.system.name', 'rpc.method', 'rpc.status_code', 'error.type'],
  },
  'rpc.server.calls.in_flight': {
    kind: 'gauge',
    unit: '{call}',
    help: 'RPCs under way, without health and reflection',
    labels: [],
  },
  rpc_connections_refused_total: {
    kind: 'counter',
    unit: '{connection}',
    help: 'Connections that a gRPC server closed at once, since there were too many',
    labels: [],
  },
  search: { kind: 'timer', unit: 'ms', help: 'Duration of search calls', labels: [] },
  search_count: { kind: 'counter', unit: '{call}', help: 'Search calls', labels: [] },
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
    help: 'Recordings whose labels were replaced since the metric had its limit of label sets',
    labels: ['metric'],
  },
  tls_reloads_total: {
    kind: 'counter',
    unit: '{reload}',
    help: 'Changes of TLS files, by outcome: taken, or refused (the old ones stay in use)',
    labels: ['outcome'],
  },
  webhook_requests: {
    kind: 'timer',
    unit: 'ms',
    help: 'Duration of webhook requests, by outcome: the status class, timeout or unreachable',
    labels: ['outcome'],
  },
  worker_crashes_total: {
    kind: 'counter',
    unit: '{crash}',
    help: 'Workers of this service that ended by themselves and were replaced',
    labels: [],
  },
} as const satisfies Record<string, MetricDefinition>

export type MetricName = keyof typeof metricNames
export type MetricKind = MetricDefinition['kind']

/** The names of one kind of metric. */
export type NameOf<K extends MetricKind> = {
  [N in MetricName]: (typeof metricNames)[N]['kind'] extends K ? N : never
}[MetricName]

/** The labels that a metric may have. A missing one is exported as not there. */
export type Labels<N extends MetricName> = {
  readonly [L in (typeof metricNames)[N]['labels'][number]]?: string | number | boolean | undefined
}
