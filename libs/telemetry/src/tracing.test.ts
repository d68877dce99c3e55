import { isSpanContextValid, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { recordSpans } from './span-recorder.ts'
import { extract, inject, inSpan } from './tracing.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const spanId = 'b7ad6b7169203331'
const traceparent = `00-${traceId}-${spanId}-01`

describe('extract', () => {
  const accepted: [string, object][] = [
    [traceparent, { traceId, spanId, traceFlags: 1, isRemote: true }],
    [`00-${traceId}-${spanId}-00`, { traceFlags: 0 }],
    [`00-${traceId}-${spanId}-03`, { traceFlags: 1 }],
    [`01-${traceId}-${spanId}-01-from-the-future`, { traceId, spanId }],
    [`01-${traceId}-${spanId}-01`, { traceId, spanId }],
  ]
  test.each(accepted)('reads %s', (header, expected) => {
    expect(trace.getSpanContext(extract({ traceparent: header }))).toMatchObject(expected)
  })

  const rejected = [
    '',
    'x',
    `00-${traceId}-${spanId}`,
    `00-${traceId}-${spanId}-01-more`,
    `ff-${traceId}-${spanId}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${'0'.repeat(32)}-${spanId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId.slice(1)}-${spanId}-01`,
    ` ${traceparent}`,
    `${traceparent}\r\nx: y`,
  ]
  test.each(rejected)('takes no parent from %j', (header) => {
    expect(trace.getSpanContext(extract({ traceparent: header }))).toBeUndefined()
  })

  test('takes none without a header', () => {
    expect(trace.getSpanContext(extract({}))).toBeUndefined()
  })

  test('leaves out a tracestate that is too long', () => {
    const context = trace.getSpanContext(extract({ traceparent, tracestate: `a=${'x'.repeat(600)}` }))
    expect(context).toMatchObject({ traceId })
    expect(context?.traceState).toBeUndefined()
  })
})

describe('without an exporter', () => {
  test('a span passes its parent on, so that a trace goes through this service', () => {
    const headers = inSpan('work', { parent: extract({ traceparent, tracestate: 'a=b' }) }, (span) =>
      inject({ x: 'y' }, span),
    )
    expect(headers).toEqual({ x: 'y', traceparent, tracestate: 'a=b' })
  })

  test('headers come back unchanged where there is no parent', () => {
    const given = { x: 'y' }
    expect(inSpan('work', {}, (span) => inject(given, span))).toBe(given)
    expect(inject(given)).toBe(given)
  })
})

describe('inSpan', () => {
  test('answers what the function answers', async () => {
    expect(inSpan('work', {}, () => 1)).toBe(1)
    await expect(inSpan('work', {}, async () => Promise.resolve(2))).resolves.toBe(2)
  })

  test('passes errors on', async () => {
    const error = new Error('no')
    const fail = () => {
      throw error
    }
    expect(() => inSpan('work', {}, fail)).toThrow(error)
    await expect(inSpan('work', {}, () => Promise.reject(error))).rejects.toBe(error)
    expect(() => inSpan('work', {}, (span) => isSpanContextValid(span.spanContext()) || fail())).toThrow(error)
  })
})

describe('a span that fails', () => {
  test('holds no credentials of URLs, in what it says and in its stack', async () => {
    const recorder = recordSpans()
    const fails = () => {
      throw new RangeError('cannot reach amqp://user:canary@host/?password=canary2')
    }
    expect(() => inSpan('x', {}, fails)).toThrow('canary@host')
    await expect(inSpan('y', {}, () => Promise.reject(new Error('no https://u:canary@h')))).rejects.toThrow()
    const spans = recorder.spans()
    await recorder.stop()
    expect(spans).toHaveLength(2)
    expect(spans[0]?.exceptions[0]).toMatch(/RangeError.*amqp:\/\/\*\*\*@host.*tracing\.test\.ts/s)
    expect(JSON.stringify(spans)).not.toContain('canary')
  })

  test('has links to the spans that led to it, and to no more than 128', async () => {
    const recorder = recordSpans()
    inSpan('x', { links: [extract({ traceparent }), extract({})] }, () => undefined)
    inSpan('y', { links: Array.from({ length: 200 }, () => extract({ traceparent })) }, () => undefined)
    const [one, many] = recorder.spans()
    await recorder.stop()
    expect(one?.links).toEqual([{ traceId, spanId }])
    expect(many?.links).toHaveLength(128)
  })
})
