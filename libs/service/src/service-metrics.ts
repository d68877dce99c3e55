import { defineMetrics } from '@armature/telemetry/metric'

/** The frame of a service: changes of settings, gRPC, TLS and workers. */
export const serviceMetrics = defineMetrics({
  config_changes_total: {
    kind: 'counter',
    unit: '{change}',
    help: 'Changes of settings in KV, by outcome: applied, restart, waiting, taken_back or rejected',
    labels: ['outcome'],
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
    help: 'Connections that a gRPC server closed at once because there were too many',
    labels: [],
  },
  tls_reloads_total: {
    kind: 'counter',
    unit: '{reload}',
    help: 'Changes of TLS files, by outcome: taken, or refused (the old ones stay in use)',
    labels: ['outcome'],
  },
  worker_crashes_total: {
    kind: 'counter',
    unit: '{crash}',
    help: 'Workers of this service that ended by themselves and were replaced',
    labels: [],
  },
})
