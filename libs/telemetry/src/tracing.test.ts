import { isSpanContextValid, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
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
