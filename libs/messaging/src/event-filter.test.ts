import { describe, expect, test } from 'vitest'
import { createEventFilter, type EventFilter } from './event-filter.ts'
import { delivery } from './testing-delivery.ts'

const message = delivery({
  id: 'm1',
  time: new Date(Date.UTC(2026, 0, 1)),
  headers: {
    type: 'order.created',
    source: '/shop/eu',
    subject: 'order-7',
    tenant: 'blue',
    'content-type': 'text/csv',
  },
})

describe('a filter', () => {
  test.each<[boolean, EventFilter]>([
    [true, { exact: { type: 'order.created' } }],
    [false, { exact: { type: 'Order.created' } }],
    [true, { exact: { type: 'order.created', source: '/shop/eu' } }],
    [false, { exact: { type: 'order.created', source: '/shop' } }],
    [true, { prefix: { source: '/shop/' } }],
    [false, { prefix: { source: 'shop' } }],
    [true, { suffix: { type: '.created' } }],
    [false, { suffix: { type: 'order.' } }],
    [true, { exact: { tenant: 'blue' } }],
    [true, { exact: { id: 'm1', datacontenttype: 'text/csv' } }],
    [true, { prefix: { time: '2026-01-01T' } }],
    [true, { any: [{ exact: { type: 'order.paid' } }, { exact: { type: 'order.created' } }] }],
    [false, { any: [{ exact: { type: 'order.paid' } }, { exact: { subject: 'order-8' } }] }],
    [true, { all: [{ prefix: { type: 'order.' } }, { not: { exact: { tenant: 'green' } } }] }],
    [false, { all: [{ prefix: { type: 'order.' } }, { not: { exact: { tenant: 'blue' } } }] }],
  ])('gives %s for %j', (fits, filter) => {
    expect(createEventFilter(filter)(message)).toBe(fits)
  })

  test('is not fitted by an attribute that is not there, but its contrary is', () => {
    const filter: EventFilter = { prefix: { region: 'e' } }
    expect(createEventFilter(filter)(message)).toBe(false)
    expect(createEventFilter({ not: filter })(message)).toBe(true)
    expect(createEventFilter({ prefix: { constructor: 'f' } })(message)).toBe(false)
  })
})

const nested = (depth: number): EventFilter => (depth === 0 ? { exact: { id: 'a' } } : { not: nested(depth - 1) })

describe('a filter is refused with its place', () => {
  test.each<[unknown, RegExp]>([
    [{}, /^filter must be an object with one of exact, prefix/],
    [null, /^filter must be/],
    [[], /^filter must be/],
    [{ exact: { id: 'a' }, prefix: { id: 'a' } }, /join several by all or any/],
    [{ equals: { id: 'a' } }, /unknown dialect "equals"/],
    [{ exact: {} }, /^filter.exact must be an object of attributes/],
    [{ exact: { id: '' } }, /^filter.exact.id must be a text, not empty/],
    [{ exact: { id: 7 } }, /^filter.exact.id must be a text/],
    [{ all: [{ exact: { 'Content-Type': 'a' } }] }, /^filter.all\[0\].exact names "Content-Type"/],
    [{ any: [] }, /^filter.any must be a list of filters/],
    [{ all: [{ exact: { id: 'a' } }, { not: { sql: 'true' } }] }, /^filter.all\[1\].not has the unknown dialect "sql"/],
    [nested(17), /nested deeper than 16/],
  ])('%j', (filter, problem) => {
    expect(() => createEventFilter(filter as EventFilter)).toThrow(problem)
  })

  test('but not one that is as deep as it may be', () => {
    expect(createEventFilter(nested(16))(delivery({ id: 'a' }))).toBe(true)
  })
})
