import { CloudEvent, HTTP, Kafka } from 'cloudevents'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decode, encode, full, receivedAt, source, styles } from './testing-cloud-events.ts'
import { decodeBinary, UndecodableError, UnencodableError } from './cloud-events.ts'
import { message } from '@armature/messaging/message'

describe('the SDK of CloudEvents', () => {
  const event = new CloudEvent({
    id: 'i1',
    source: '/sdk',
    type: 'com.example.made',
    subject: 'subject',
    time: '2026-01-02T03:04:05.678Z',
    datacontenttype: 'application/json',
    partitionkey: 'k1',
    correlationid: 'c1',
    data: { a: 1 },
  })

  test.each([
    ['kafka', Kafka],
    ['http', HTTP],
  ] as const)('what it writes for %s is read', (style, binding) => {
    const { headers } = binding.binary(event)
    // Undefined values do not get onto the wire.
    const written = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined))
    const decoded = decode(written as Record<string, string>, style)
    expect(decoded).toMatchObject({
      id: 'i1',
      key: 'k1',
      time: new Date('2026-01-02T03:04:05.678Z'),
      headers: { source: '/sdk', type: 'com.example.made', subject: 'subject', correlationid: 'c1' },
    })
    expect(decoded.headers['content-type']).toMatch(/^application\/json/)
  })

  test.each([
    ['kafka', Kafka],
    ['http', HTTP],
  ] as const)('it reads what is written for %s', (style, binding) => {
    const one = message('t', '{"a":1}', {
      id: 'i1',
      key: 'k1',
      headers: { 'content-type': 'application/json', correlationid: 'c1' },
    })
    const { headers, body } = encode(one, style)
    const value = Buffer.from(body).toString()
    const read = binding.toEvent({ headers, body: value, value, key: 'k1' } as never)
    expect(read).toMatchObject({
      id: 'i1',
      source,
      type: 't',
      specversion: '1.0',
      partitionkey: 'k1',
      correlationid: 'c1',
      datacontenttype: 'application/json',
      data: { a: 1 },
    })
  })
})

describe('any message', () => {
  const odd = fc.constantFrom(
    '\u0000',
    '\u2028',
    '\ud83d\ude00',
    '\ud800',
    '%',
    '"',
    '\\',
    ' ',
    'é',
    '\r\n',
    '\ufffe',
    'a',
  )
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.array(odd, { maxLength: 6 }).map((all) => all.join('')),
  )
  const mostly = (good: string) => fc.oneof({ weight: 4, arbitrary: fc.constant(good) }, { weight: 1, arbitrary: text })
  const name = fc.oneof(
    fc.stringMatching(/^[a-z0-9]{1,12}$/),
    fc.stringMatching(/^[a-z0-9_-]{1,12}$/),
    fc.constantFrom('__proto__', 'constructor', 'subject', 'content-type', 'id', 'time', 'data', 'traceparent'),
  )
  const headers = fc
    .array(fc.tuple(name, text), { maxLength: 6 })
    .map((entries) => ({ source: '/s', type: 't', ...Object.fromEntries(entries) }))
  const anyMessage = fc
    .record({
      id: mostly('i1'),
      key: fc.option(mostly('k'), { nil: undefined }),
      time: fc.oneof(
        { weight: 4, arbitrary: fc.constant(receivedAt) },
        { weight: 1, arbitrary: fc.date({ noInvalidDate: false }) },
      ),
      headers,
      body: fc.uint8Array(),
    })
    .map(({ id, key, time, headers: all, body }) =>
      message('t', body, { id, time, headers: all, ...(key === undefined ? {} : { key }) }),
    )

  test.each(styles)('%s: is the same after a round trip, or is refused', (style) => {
    let same = 0
    fc.assert(
      fc.property(anyMessage, (one) => {
        let encoded
        try {
          encoded = encode(one, style)
        } catch (error) {
          expect(error).toBeInstanceOf(UnencodableError)
          return
        }
        const decoded = decodeBinary({ ...encoded, topic: 't', receivedAt }, style)
        expect(decoded.headers).toEqual(one.headers)
        expect(Object.entries(decoded.headers).sort()).toEqual(Object.entries(one.headers).sort())
        expect({ ...decoded, headers: {} }).toEqual({ ...one, headers: {} })
        same++
      }),
      { numRuns: 150, seed: 42 },
    )
    expect(same).toBeGreaterThan(15)
  })

  test.each(styles)('%s: any headers are decoded or refused with a coded error', (style) => {
    const prefix =
      Object.keys(encode(full, style).headers)
        .find((one) => one.endsWith('id'))
        ?.slice(0, -2) ?? ''
    const anyHeaders = fc
      .array(
        fc.tuple(
          fc.oneof(
            name,
            name.map((one) => `${prefix}${one}`),
          ),
          text,
        ),
        { maxLength: 6 },
      )
      .map((entries): Record<string, string> => ({
        [`${prefix}specversion`]: '1.0',
        [`${prefix}id`]: 'i',
        [`${prefix}source`]: '/s',
        [`${prefix}type`]: 't',
        ...Object.fromEntries(entries),
      }))
    fc.assert(
      fc.property(anyHeaders, (all) => {
        try {
          decode(all, style)
        } catch (error) {
          expect(error).toBeInstanceOf(UndecodableError)
        }
      }),
      { numRuns: 150, seed: 42 },
    )
  })
})
