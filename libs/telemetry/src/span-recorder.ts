import { context, trace, type Attributes, type SpanStatus } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider, type ReadableSpan } from '@opentelemetry/sdk-trace'

/** A span that has ended. */
export interface RecordedSpan {
  readonly name: string
  readonly kind: number
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string | undefined
  readonly attributes: Attributes
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[]
  readonly status: SpanStatus
  /** The messages and stacks of the exceptions that were recorded in it. */
  readonly exceptions: readonly string[]
}

export interface SpanRecorder {
  /** In the order in which they ended. */
  spans(): readonly RecordedSpan[]
  /** Ends the recorder and undoes its registration. */
  stop(): Promise<void>
}

/** Keeps all spans of this process in memory, by the SDK itself. For tests; one at a time, and none beside an exporter. */
export const recordSpans = (): SpanRecorder => {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(provider)
  return {
    spans: () => exporter.getFinishedSpans().map(recorded),
    stop: async () => {
      trace.disable()
      context.disable()
      await provider.shutdown()
    },
  }
}

const recorded = (span: ReadableSpan): RecordedSpan => ({
  name: span.name,
  kind: span.kind,
  traceId: span.spanContext().traceId,
  spanId: span.spanContext().spanId,
  parentId: span.parentSpanContext?.spanId,
  attributes: span.attributes,
  links: span.links.map(({ context: { traceId, spanId } }) => ({ traceId, spanId })),
  status: span.status,
  exceptions: span.events.map(({ attributes }) => JSON.stringify(attributes)),
})
