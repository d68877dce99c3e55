import { trace as api, SpanStatusCode, type Context, type Span, type SpanOptions } from '@opentelemetry/api'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { delivery } from './testing-delivery.ts'
import { compose } from './compose.ts'
import { deadLetter } from './dead-letter.ts'
import { message, type Message } from './message.ts'
import type { Publisher } from './ports.ts'
import { trace, tracedPublisher } from './trace.ts'

interface Recorded {
  readonly name: string
  readonly kind: number | undefined
  readonly parent: string | undefined
  readonly attributes: Record<string, unknown>
  readonly id: string
  status: number | undefined
  ended: boolean
}

let spans: Recorded[] = []
const traceId = '0af7651916cd43dd8448eb211c80319c'

const startSpan = (name: string, { kind, attributes = {} }: SpanOptions = {}, within?: Context): Span => {
  const id = String(spans.length + 1).padStart(16, '0')
  const parent = within === undefined ? undefined : api.getSpanContext(within)?.spanId
  const recorded: Recorded = { name, kind, parent, attributes: { ...attributes }, id, status: undefined, ended: false }
  spans.push(recorded)
  const span = {
    spanContext: () => ({ traceId, spanId: id, traceFlags: 1 }),
    setAttribute: (key: string, value: unknown) => void (recorded.attributes[key] = value),
    setStatus: ({ code }: { code: number }) => void (recorded.status = code),
    recordException: () => undefined,
    end: () => void (recorded.ended = true),
  }
  return span as unknown as Span
}

beforeEach(() => {
  spans = []
  api.setGlobalTracerProvider({ getTracer: () => ({ startSpan, startActiveSpan: () => undefined as never }) })
})
afterEach(() => api.disable())

const box = () => {
  const sent: Message[] = []
  const publisher: Publisher = {
    publish: async (_, messages) => void sent.push(...messages),
    close: async () => undefined,
  }
  return { sent, publisher }
}

describe('trace', () => {
  test('gives the handler the delivery itself where nobody takes spans, and a span to who comes later', async () => {
    api.disable()
    const handled: unknown[] = []
    const wrapped = trace({ system: 'memory' })(async (given) => void handled.push(given))
    const given = delivery()
    await wrapped(given)
    expect(handled[0]).toBe(given)
    api.setGlobalTracerProvider({ getTracer: () => ({ startSpan, startActiveSpan: () => undefined as never }) })
    await wrapped(given)
    expect(handled).toHaveLength(2)
    expect(spans.map(({ name }) => name)).toEqual(['process logs.search'])
  })

  test('is a span of the publisher of the message, with the conventional attributes', async () => {
    const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` }
    const wrapped = trace({ system: 'memory', group: 'g' })(async () => undefined)
    await wrapped(delivery({ headers, key: 'k', position: { partition: 2, offset: 5 } }))
    expect(spans).toEqual([
      {
        name: 'process logs.search',
        kind: 4,
        parent: '00f067aa0ba902b7',
        id: expect.any(String),
        status: undefined,
        ended: true,
        attributes: {
          'messaging.system': 'memory',
          'messaging.operation.name': 'process',
          'messaging.operation.type': 'process',
          'messaging.destination.name': 'logs.search',
          'messaging.destination.partition.id': '2',
          'messaging.consumer.group.name': 'g',
          'messaging.message.id': 'm1',
          'messaging.message.body.size': 4,
        },
      },
    ])
  })

  test('tells the offset and the key to Kafka users', async () => {
    const one = delivery({ key: 'k', position: { partition: 2, offset: 5 } })
    await trace({ system: 'kafka' })(async () => undefined)(one)
    expect(spans[0]?.attributes).toMatchObject({ 'messaging.kafka.offset': 5, 'messaging.kafka.message.key': 'k' })
  })

  test.each([undefined, 'nonsense'])(
    'begins a trace where the message has a traceparent of %s',
    async (traceparent) => {
      const headers = traceparent === undefined ? {} : { traceparent }
      await trace({ system: 'memory' })(async () => undefined)(delivery({ headers }))
      expect(spans).toMatchObject([{ parent: undefined, ended: true }])
    },
  )

  test('passes an error on and ends the span with it', async () => {
    const wrapped = trace({ system: 'memory' })(async () => {
      throw new Error('bad')
    })
    await expect(wrapped(delivery())).rejects.toThrow('bad')
    expect(spans).toMatchObject([{ status: SpanStatusCode.ERROR, ended: true }])
  })

  test('says that the message was dead-lettered', async () => {
    const { publisher } = box()
    const wrapped = compose(
      trace({ system: 'memory' }),
      deadLetter({ publisher, handler: 'h' }),
    )(async () => {
      throw new Error('bad')
    })
    await wrapped(delivery())
    expect(spans[0]?.attributes).toMatchObject({ 'error.type': 'dead-lettered' })
  })
})

describe('traced publisher', () => {
  test('sends its span with each message', async () => {
    const { sent, publisher } = box()
    await tracedPublisher(publisher, { system: 'memory' }).publish('t', [
      message('t', 'x', { id: 'a', headers: { own: 'header' } }),
    ])
    expect(spans).toMatchObject([
      {
        name: 'send t',
        kind: 3,
        ended: true,
        attributes: {
          'messaging.operation.type': 'send',
          'messaging.destination.name': 't',
          'messaging.message.id': 'a',
        },
      },
    ])
    expect(sent[0]?.headers).toEqual({ own: 'header', traceparent: `00-${traceId}-${spans[0]?.id}-01` })
  })

  test('counts a batch, and leaves the trace of a message that has one', async () => {
    const { sent, publisher } = box()
    const traceparent = `00-${traceId}-00f067aa0ba902b7-01`
    await tracedPublisher(publisher, { system: 'memory' }).publish('t', [
      message('t', 'x'),
      message('t', 'y', { headers: { traceparent } }),
    ])
    expect(spans[0]?.attributes).toMatchObject({ 'messaging.batch.message_count': 2 })
    expect(spans[0]?.attributes).not.toHaveProperty('messaging.message.id')
    expect(sent.map(({ headers }) => headers['traceparent'])).toEqual([`00-${traceId}-${spans[0]?.id}-01`, traceparent])
  })

  test('passes a failure on', async () => {
    const publisher: Publisher = { publish: () => Promise.reject(new Error('gone')), close: async () => undefined }
    await expect(tracedPublisher(publisher, { system: 'memory' }).publish('t', [message('t', 'x')])).rejects.toThrow(
      'gone',
    )
    expect(spans).toMatchObject([{ status: SpanStatusCode.ERROR, ended: true }])
  })

  test('what it sends is the parent of what is received', async () => {
    const { sent, publisher } = box()
    await tracedPublisher(publisher, { system: 'memory' }).publish('t', [message('t', 'x')])
    await trace({ system: 'memory' })(async () => undefined)(delivery({ headers: sent[0]?.headers ?? {} }))
    expect(spans[1]?.parent).toBe(spans[0]?.id)
  })
})
