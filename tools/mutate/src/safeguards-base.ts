import type { Safeguard } from './safeguard.ts'

export const safeguards: readonly Safeguard[] = [
  {
    promise:
      'Flags, environment and files are read once: a change in KV brings in nothing that changed in them since the start',
    file: 'libs/config/src/load.ts',
    find: 'gather(options, settings, own, kv)',
    replace: 'gather(options, settings, ownLayers(settings, options), kv)',
    tests: ['libs/config/src/live-config.test.ts'],
  },
  {
    promise: 'Counters and gauges that are first recorded once OpenTelemetry runs are exported too',
    file: 'libs/telemetry/src/otel-recorder.ts',
    find: 'else observe(ready, metric, read)',
    replace: 'else watched.add(metric)',
    tests: ['libs/telemetry/test/otlp.test.ts'],
  },
  {
    promise: 'No two projects declare a metric of the same name, also as Prometheus has it',
    file: 'tools/tidy/src/metric-files.ts',
    find: 'owners.has(name)',
    replace: 'owners.has(path)',
    tests: ['tools/tidy/src/metric-files.test.ts'],
  },
]
