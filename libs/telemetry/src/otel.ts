import { context, propagation, trace, type Meter } from '@opentelemetry/api'
import { within } from '@armature/async/within'
import { takesSpans } from './tracing.ts'

export interface OtelOptions {
  service: string
  /** `http://collector:4318`; traces go to `/v1/traces` below it, metrics to `/v1/metrics`, as OTLP/HTTP protobuf. */
  endpoint: string
  /** Called for each export that failed. */
  onError: (error: unknown) => void
}

/** The running export. */
export interface Otel {
  readonly meter: Meter
  /** Exports what is left; resolves at the latest after 3 s. Safe to call twice. */
  close(): Promise<void>
}

const exportIntervalMs = 10_000
const exportTimeoutMs = 2_000
const closeDeadlineMs = 3_000

/**
 * Starts the OpenTelemetry SDK, which is loaded here and nowhere else: it costs some 200 ms. Metrics have a provider of their
 * own, so that several services in a process are told apart. Spans have one a process, by the rules of the OpenTelemetry API:
 * the service that starts first gives it its name. Sampling, limits and resource attributes follow the `OTEL_*` variables.
 */
export const startOtel = async ({ service, endpoint, onError }: OtelOptions): Promise<Otel> => {
  const [{ NodeSDK }, { OTLPTraceExporter }, { OTLPMetricExporter }, sdkMetrics, resources] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
    import('@opentelemetry/exporter-metrics-otlp-proto'),
    import('@opentelemetry/sdk-metrics'),
    import('@opentelemetry/resources'),
  ])
  const { defaultResource, detectResources, envDetector, resourceFromAttributes, serviceInstanceIdDetector } = resources
  const base = endpoint.replace(/\/+$/, '')
  const options = { timeoutMillis: exportTimeoutMs }

  const meterProvider = new sdkMetrics.MeterProvider({
    resource: defaultResource()
      .merge(detectResources({ detectors: [serviceInstanceIdDetector, envDetector] }))
      .merge(resourceFromAttributes({ 'service.name': service })),
    readers: [
      new sdkMetrics.PeriodicExportingMetricReader({
        exporter: watched(new OTLPMetricExporter({ ...options, url: `${base}/v1/metrics` }), onError),
        exportIntervalMillis: exportIntervalMs,
        exportTimeoutMillis: exportTimeoutMs,
      }),
    ],
  })

  const sdk = takesSpans()
    ? undefined
    : new NodeSDK({
        serviceName: service,
        traceExporter: watched(new OTLPTraceExporter({ ...options, url: `${base}/v1/traces` }), onError),
        metricReaders: [],
        logRecordProcessors: [],
        instrumentations: [],
        resourceDetectors: [serviceInstanceIdDetector, envDetector],
      })
  sdk?.start()

  let closed: Promise<void> | undefined
  return {
    meter: meterProvider.getMeter('armature'),
    close: () =>
      (closed ??= (async () => {
        await within(closeDeadlineMs, Promise.all([meterProvider.shutdown(), sdk?.shutdown()]).catch(onError))
        if (sdk === undefined) return
        trace.disable()
        context.disable()
        propagation.disable()
      })()),
  }
}

interface Exporter<Items> {
  export(items: Items, done: (result: { code: number; error?: Error }) => void): void
}

/** Tells `onError` of failed exports; the SDK itself would only write them to its own diagnostic log. */
const watched = <Items, E extends Exporter<Items>>(
  exporter: E & Exporter<Items>,
  onError: OtelOptions['onError'],
): E => {
  const original = exporter.export.bind(exporter)
  exporter.export = (items, done) => {
    original(items, (result) => {
      if (result.code !== 0) onError(result.error ?? new Error('export failed'))
      done(result)
    })
  }
  return exporter
}
