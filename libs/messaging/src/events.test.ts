import { expect, test } from 'vitest'
import { TopicError } from './errors.ts'
import { defineEvents, patternOf } from './events.ts'

const sent = { name: 'order-placed', summary: 'An order was placed', topic: 'orders.{country}' }
const received = { name: 'store-order', topic: 'orders.>' }

test('takes what a service publishes and takes', () => {
  const events = { sends: [sent], receives: [received, { name: 'by-setting', topic: { setting: 'topic' } }] }
  expect(defineEvents(events)).toEqual(events)
})

test('refuses names that are not in kebab-case, and names that stand there twice', () => {
  expect(() => defineEvents({ sends: [{ ...sent, name: 'OrderPlaced' }], receives: [] })).toThrow(
    'an event is named "OrderPlaced": use lower-case letters, digits and -',
  )
  expect(() => defineEvents({ sends: [], receives: [received, received] })).toThrow('two events are named store-order')
})

test('refuses what is no topic', () => {
  expect(() => defineEvents({ sends: [{ ...sent, topic: 'orders..eu' }], receives: [] })).toThrow(TopicError)
})

test('a part that differs from message to message is one token', () => {
  expect(patternOf('orders.{country}.{order-id}')).toBe('orders.*.*')
  expect(patternOf('orders')).toBe('orders')
})
