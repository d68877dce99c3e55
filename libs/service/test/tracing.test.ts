import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type Context,
  context,
  type ContextManager,
  ROOT_CONTEXT,
  type Span,
  type SpanOptions,
  trace,
  type Tracer,
} from '@opentelemetry/api'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { afterEach, expect, test, vi } from 'vitest'
import { openGrpcServer } from '../src/grpc-server.ts'
import { echoDefinition, echoName, echoServices, openCaller } from './echo.ts'

const opened: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

interface Recorded {
  readonly name: string
  readonly options: SpanOptions | undefined
  readonly parent: Context | undefined
  readonly attributes: Record<string, unknown>
  ended: boolean
}

/** Keeps the active context and notes the spans, as an SDK does. */
const record = (): Recorded[] => {
  const spans: Recorded[] = []
  const store = new AsyncLocalStorage<Context>()
  const manager: ContextManager = {
    active: () => store.getStore() ?? ROOT_CONTEXT,
    with: (active, fn, self, ...args) => store.run(active, () => fn.apply(self, args)),
    bind: (_context, target) => target,
    enable: () => manager,
    disable: () => manager,
  }
  const startSpan = (name: string, options?: SpanOptions, parent?: Context): Span => {
    const span: Recorded = { name, options, parent, attributes: {}, ended: false }
    spans.push(span)
    const made = {
      spanContext: () => ({ traceId: 'b'.repeat(32), spanId: String(spans.length).padStart(16, '0'), traceFlags: 1 }),
      setAttributes: (attributes: object) => Object.assign(span.attributes, attributes),
      setStatus: () => made,
      end: () => void (span.ended = true),
    }
    return made as unknown as Span
  }
  context.setGlobalContextManager(manager)
  trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan }) as unknown as Tracer })
  opened.push(() => {
    context.disable()
    trace.disable()
  })
  return spans
}

test('a call is a span under the one its metadata names, and active in the handler', async () => {
  const spans = record()
  const active: (string | undefined)[] = []
  const server = await openGrpcServer({
    host: '127.0.0.1',
    port: 0,
    services: echoServices(async (request) => {
      await Promise.resolve()
      active.push(trace.getActiveSpan()?.spanContext().spanId)
      return request
    }),
    metrics: testTelemetry().metrics,
  })
  opened.push(() => server.close())
  const caller = openCaller(server.address)
  opened.push(() => caller.close())
  const traceparent = `00-${'a'.repeat(32)}-${'c'.repeat(16)}-01`
  await caller.call(echoDefinition, 'Say', { text: 'x' }, { metadata: { traceparent } })
  await caller.call(echoDefinition, 'Say', { text: 'x' }, { metadata: { traceparent: 'forged' } })
  await vi.waitFor(() => expect(spans.map(({ ended }) => ended)).toEqual([true, true]), { timeout: 10_000 })
  expect(active).toEqual(['1', '2'].map((id) => id.padStart(16, '0')))
  const [traced, orphan] = spans
  expect(traced).toMatchObject({ name: `${echoName}/Say`, attributes: { 'rpc.status_code': 'OK' } })
  expect(traced?.options?.attributes).toEqual({ 'rpc.system.name': 'grpc', 'rpc.method': `${echoName}/Say` })
  expect(traced?.parent && trace.getSpanContext(traced.parent)).toMatchObject({
    traceId: 'a'.repeat(32),
    spanId: 'c'.repeat(16),
  })
  expect(orphan?.parent && trace.getSpanContext(orphan.parent)).toBeUndefined()
})
