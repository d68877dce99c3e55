import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { breaks } from './breaks.ts'
import { declared } from './declared.ts'
import { type EventRecord, eventRecords } from './event-record.ts'

const settings = z.object({})
const order = z.object({ id: z.string(), status: z.enum(['new', 'paid']) })
const services = ['shop', 'billing']

interface Between {
  readonly written?: z.ZodType
  readonly read?: z.ZodType
  readonly to?: string
  readonly from?: string
}

const records = ({ written = order, read = order, to = 'orders', from = 'orders' }: Between = {}) =>
  eventRecords([
    declared('shop', settings, {
      sends: [{ name: 'order', summary: 'An order', topic: to, schema: written }],
      receives: [],
    }),
    declared('billing', settings, { sends: [], receives: [{ name: 'store', topic: from, schema: read }] }),
  ])

const found = (today: readonly EventRecord[], released: readonly EventRecord[] = []) =>
  breaks(today, released, services).map(({ consumer, problem, when }) => `${consumer}, ${when}: ${problem}`)

const more = order.extend({ note: z.string() })

describe('nothing is broken', () => {
  test('while a consumer reads what is written', () => {
    expect(found(records(), records())).toEqual([])
  })

  test('by a new member that nobody reads', () => {
    expect(found(records({ written: more }), records())).toEqual([])
  })

  test('by a consumer that reads less', () => {
    expect(found(records({ read: z.object({ id: z.string() }) }), records())).toEqual([])
  })

  test('by a body of any kind, where the consumer takes any', () => {
    expect(found(records({ written: z.unknown(), read: z.unknown() }))).toEqual([])
  })

  test('by a service that is gone', () => {
    expect(breaks([], records(), ['billing'])).toEqual([])
    expect(breaks([], records(), ['shop'])).toEqual([])
  })
})

test('a consumer is broken by what it does not read', () => {
  expect(found(records({ written: order.partial({ id: true }) }))).toEqual([
    'billing/store, today: id may be absent, but is required',
  ])
})

test('a consumer of the last release is broken, though that of today is not', () => {
  const both = order.extend({ status: z.enum(['new', 'paid', 'sent']) })
  expect(found(records({ written: both, read: both }), records())).toEqual([
    'billing/store, during an update, while consumers of the last release run: status may be "sent", but only "new" or "paid" is read',
  ])
})

test('a consumer of today is broken by messages of the last release', () => {
  expect(found(records({ written: more, read: more }), records())).toEqual([
    'billing/store, for messages of the last release that still wait: note may be absent, but is required',
  ])
})

test('a consumer is broken by an event that is published no longer, or elsewhere', () => {
  expect(found([], records())).toEqual(['billing/store, today: the event is published no longer'])
  expect(found(records({ to: 'sales', from: 'sales' }), records())).toEqual([
    'billing/store, during an update, while consumers of the last release run: the event is published to sales, but orders is read',
  ])
})

test('a break is told once', () => {
  expect(found(records({ written: order.partial({ id: true }) }), records())).toHaveLength(1)
})

test('a handler is a consumer of the events that its wildcard takes in, and of no others', () => {
  const consumers = (to: string, from: string) => Object.keys(records({ to, from })[0]?.consumers ?? {})
  expect(consumers('orders.{country}', 'orders.>')).toEqual(['billing/store'])
  expect(consumers('orders.{country}', 'orders.eu')).toEqual(['billing/store'])
  expect(consumers('orders.{country}', 'orders')).toEqual([])
  expect(consumers('orders.eu', 'orders.*.new')).toEqual([])
  expect(consumers('orders', 'orders.>')).toEqual([])
})
