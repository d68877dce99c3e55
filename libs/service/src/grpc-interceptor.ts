import { randomUUID } from 'node:crypto'
import { Metadata, ServerInterceptingCall, type ServerInterceptor, status } from '@grpc/grpc-js'
import { type Context, context, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import type { Metrics } from '@armature/telemetry/metrics'
import { extract } from '@armature/telemetry/tracing'
import { serviceMetrics } from './service-metrics.ts'

/** A call that is over, for a request log. */
export interface FinishedCall {
  /** `armature.search.v1.SearchService/Search` */
  readonly method: string
  /** The name of the status: `OK`, `INVALID_ARGUMENT`, ... */
  readonly status: string
  readonly details: string
  readonly durationMs: number
  readonly peer: string
  /** False when the client was gone before a status could be sent; the status is then CANCELLED. */
  readonly answered: boolean
  /** The client's `x-request-id` where that is valid, else a new one. The answer names it. */
  readonly requestId: string
  /** The metadata of the call: the same object that its handler received. */
  readonly metadata: Metadata
}

export interface CallTracker {
  readonly interceptor: ServerInterceptor
  /** Calls under way, without health and reflection. */
  readonly inFlight: number
  /** Resolves when no call is under way. */
  idle(): Promise<void>
  /** Ends health watches and reflection streams, which have no end of their own. */
  endServices(): void
  /** Takes the gauge of calls under way out of the metrics. */
  close(): void
}

export interface CallTrackerOptions {
  metrics: Metrics
  /** Called once for each call that began, before its handler; not for health and reflection. */
  onStart?: () => void
  onFinish?: (call: FinishedCall) => void
}

/** The facts that all calls of a method share. */
interface MethodFacts {
  readonly method: string
  /** Not health or reflection. */
  readonly own: boolean
  readonly attributes: Readonly<Record<'rpc.system.name' | 'rpc.method', string>>
}

interface Started {
  readonly atMs: number
  readonly span: Span
  readonly traced: Context
  readonly metadata: Metadata
  readonly requestId: string
}

/**
 * Sees every call from its metadata to its status: times it, counts it, spans it. It must be the innermost interceptor (the
 * first of the list): grpc-js answers a malformed message, one too large and a passed deadline below all interceptors, by the
 * `sendStatus` of the call itself, which is therefore what is watched. A call of an unknown method never gets here: `unknownCalls`
 * counts it.
 */
export const callTracker = ({ metrics, onStart, onFinish }: CallTrackerOptions): CallTracker => {
  const endless = new Set<() => void>()
  const calls = callCount()
  const factsOf = methodFacts()

  const interceptor: ServerInterceptor = ({ path }, call) => {
    const { method, own, attributes } = factsOf(path)
    const end = (): void => call.sendStatus({ code: status.UNAVAILABLE, details: 'the server is shutting down' })
    let sent: Parameters<typeof call.sendStatus>[0] | undefined
    let started: Started | undefined

    const sendMetadata = call.sendMetadata.bind(call)
    let headersSent = false
    call.sendMetadata = (metadata) => {
      headersSent = true
      if (started !== undefined) metadata.set(requestIdKey, started.requestId)
      sendMetadata(metadata)
    }
    const sendStatus = call.sendStatus.bind(call)
    call.sendStatus = (answer) => {
      sent ??= answer
      const metadata = answer.metadata ?? new Metadata()
      if (!headersSent && started !== undefined) metadata.set(requestIdKey, started.requestId)
      sendStatus({ ...answer, metadata })
    }

    const begin = (metadata: Metadata): void => {
      const parent = extract(traceHeaders(metadata))
      const span = tracer().startSpan(method, { kind: SpanKind.SERVER, attributes }, parent)
      const requestId = requestIdOf(metadata)
      started = { atMs: performance.now(), span, traced: trace.setSpan(parent, span), metadata, requestId }
      if (!own) endless.add(end)
      else {
        calls.add(1)
        onStart?.()
      }
    }

    const finish = (): void => {
      if (started === undefined) return
      const { atMs, span, metadata, requestId } = started
      started = undefined
      const name = status[sent?.code ?? status.CANCELLED] ?? 'UNKNOWN'
      const durationMs = performance.now() - atMs
      const labels = { 'rpc.status_code': name, ...(serverFaults.has(name) ? { 'error.type': name } : {}) }
      metrics.time(serviceMetrics['rpc.server.call.duration'], durationMs, { ...attributes, ...labels })
      span.setAttributes(labels)
      if (serverFaults.has(name)) span.setStatus({ code: SpanStatusCode.ERROR })
      span.end()
      if (!own) endless.delete(end)
      else {
        calls.add(-1)
        const [details, answered] = [sent?.details ?? '', sent !== undefined]
        onFinish?.({ method, status: name, details, durationMs, peer: call.getPeer(), answered, requestId, metadata })
      }
    }

    const inSpan = (next: () => void): void => (started === undefined ? next() : context.with(started.traced, next))
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, forward) => {
            begin(metadata)
            inSpan(() => forward(metadata))
          },
          onReceiveMessage: (message, forward) => inSpan(() => forward(message)),
          onReceiveHalfClose: (forward) => inSpan(forward),
          onCancel: finish,
        }),
    })
  }

  const forget = metrics.observe(serviceMetrics['rpc.server.calls.in_flight'], () => calls.inFlight)
  return {
    interceptor,
    get inFlight() {
      return calls.inFlight
    },
    idle: calls.idle,
    endServices: () => {
      for (const end of [...endless]) end()
    },
    close: forget,
  }
}

/** Calls under way, and who waits for their end. */
const callCount = () => {
  const waiting = new Set<() => void>()
  let inFlight = 0
  return {
    get inFlight() {
      return inFlight
    },
    add: (change: 1 | -1): void => {
      inFlight += change
      if (inFlight > 0) return
      for (const resolve of waiting) resolve()
      waiting.clear()
    },
    idle: (): Promise<void> =>
      inFlight === 0 ? Promise.resolve() : new Promise((resolve) => void waiting.add(resolve)),
  }
}

/** The facts of a method by its path, made once. grpc-js calls an interceptor for known methods only, so these are few. */
const methodFacts = () => {
  const known = new Map<string, MethodFacts>()
  return (path: string): MethodFacts => {
    const found = known.get(path)
    if (found !== undefined) return found
    const method = path.slice(1)
    const facts = { method, own: !isInfrastructure(method), attributes: attributesOf(method) }
    known.set(path, facts)
    return facts
  }
}

const requestIdKey = 'x-request-id'
const requestIdPattern = /^[\w.:/+=-]{1,128}$/

const requestIdOf = (metadata: Metadata): string => {
  const [given] = metadata.get(requestIdKey)
  return typeof given === 'string' && requestIdPattern.test(given) ? given : randomUUID()
}

/** A client must not make labels of its own: all unknown methods count as this one, as OpenTelemetry has it. */
const otherMethod = '_OTHER'

/**
 * Counts calls of methods other than `paths`: grpc-js answers them UNIMPLEMENTED below all interceptors. It sees them by the
 * server's streams.
 */
export const unknownCalls =
  (paths: ReadonlySet<string>, metrics: Metrics) =>
  (_stream: unknown, headers: Readonly<Record<string, unknown>>): void => {
    if (paths.has(String(headers[':path']))) return
    const status = { 'rpc.status_code': 'UNIMPLEMENTED', 'error.type': 'UNIMPLEMENTED' }
    metrics.time(serviceMetrics['rpc.server.call.duration'], 0, { ...attributesOf(otherMethod), ...status })
  }

const isInfrastructure = (method: string): boolean =>
  method.startsWith('grpc.health.') || method.startsWith('grpc.reflection.')

/** The statuses that OpenTelemetry counts as errors of the server. https://opentelemetry.io/docs/specs/semconv/rpc/grpc/ */
const serverFaults: ReadonlySet<string> = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
])

const attributesOf = (method: string) => ({ 'rpc.system.name': 'grpc', 'rpc.method': method })

const tracer = () => trace.getTracer('armature')

const traceHeaders = (metadata: Metadata): Readonly<Record<string, string>> => ({
  traceparent: metadata.get('traceparent').join(','),
  tracestate: metadata.get('tracestate').join(','),
})
