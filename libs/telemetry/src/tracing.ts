import {
  context,
  createTraceState,
  isSpanContextValid,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import type { Attributes, Context, Link, Span, SpanContext } from '@opentelemetry/api'
import { redactUrl } from '@armature/config/redact'

export type { Attributes, Context, Span } from '@opentelemetry/api'

const kinds = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const

export interface SpanOptions {
  /** Default `internal`. */
  readonly kind?: keyof typeof kinds
  readonly attributes?: Attributes
  /** The context that `extract` found. Default: the active span. */
  readonly parent?: Context
  /** Spans that led to this one beside its parent, each as `extract` found it. At most 128 are kept. */
  readonly links?: readonly Context[]
}

const noProvider = new ProxyTracerProvider().getDelegate()

/** Whether somebody takes spans: without, a span records nothing and nothing finds it as the active one. */
export const takesSpans = (): boolean => {
  const provider = trace.getTracerProvider()
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegate() !== noProvider
}

/** The SDK's own limit. */
const maxLinks = 128

/**
 * Runs `fn` in a span, which ends when `fn` returned or its promise is settled. An error is recorded in the span, which then has
 * the status ERROR, and thrown on; credentials in URLs are written as `***`. Without an exporter the span records nothing and still carries the parent's ids.
 */
export const inSpan = <T>(
  name: string,
  { kind = 'internal', attributes, parent, links = [] }: SpanOptions,
  fn: (span: Span) => T,
): T => {
  const tracer = trace.getTracer('armature')
  const options = { kind: kinds[kind], ...(attributes === undefined ? {} : { attributes }), links: linksTo(links) }
  const parentContext = parent ?? context.active()
  const span = tracer.startSpan(name, options, parentContext)
  const failed = (error: unknown): never => {
    const message = redactUrl(error instanceof Error ? error.message : String(error))
    span.recordException(error instanceof Error ? exceptionOf(error, message) : message)
    span.setStatus({ code: SpanStatusCode.ERROR, message })
    span.end()
    throw error
  }
  let result: T
  try {
    result = context.with(trace.setSpan(parentContext, span), () => fn(span))
  } catch (error) {
    return failed(error)
  }
  if (isPromiseLike(result)) {
    return result.then((value) => {
      span.end()
      return value
    }, failed) as T
  }
  span.end()
  return result
}

const exceptionOf = ({ name, stack }: Error, message: string) => ({
  name,
  message,
  ...(stack === undefined ? {} : { stack: redactUrl(stack) }),
})

const linksTo = (contexts: readonly Context[]): Link[] =>
  contexts
    .flatMap((one) => trace.getSpanContext(one) ?? [])
    .slice(0, maxLinks)
    .map((found) => ({ context: found }))

/**
 * The headers with `traceparent` (and `tracestate` where there is one) of the span; of the active one unless told. They come
 * back unchanged where there is no span.
 */
export const inject = (
  headers: Readonly<Record<string, string>>,
  span: Span | undefined = trace.getActiveSpan(),
): Readonly<Record<string, string>> => {
  const found = span?.spanContext()
  if (found === undefined || !isSpanContextValid(found)) return headers
  const traceparent = `00-${found.traceId}-${found.spanId}-${found.traceFlags.toString(16).padStart(2, '0')}`
  const tracestate = found.traceState?.serialize()
  return { ...headers, traceparent, ...(tracestate === undefined || tracestate === '' ? {} : { tracestate }) }
}

/**
 * The parent that `traceparent` names, for `inSpan`. Where there is none, or it is not as W3C Trace Context (level 1,
 * section 3.2) wants it, the answer is a context without a parent: never an error, since the header came from outside.
 */
export const extract = (headers: Readonly<Record<string, string>>): Context => {
  const parent = parse(headers['traceparent'], headers['tracestate'])
  return parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent)
}

const traceparentPattern = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/
const maxTracestateLength = 512

const parse = (traceparent: string | undefined, tracestate: string | undefined): SpanContext | undefined => {
  const [, version, traceId, spanId, flags, more] = traceparentPattern.exec(traceparent ?? '') ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined
  const parent: SpanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true }
  if (!isSpanContextValid(parent)) return undefined
  const keepsState = tracestate !== undefined && tracestate !== '' && tracestate.length <= maxTracestateLength
  return keepsState ? { ...parent, traceState: createTraceState(tracestate) } : parent
}

const isPromiseLike = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
