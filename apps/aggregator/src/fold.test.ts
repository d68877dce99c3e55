import { jsonMessage, type Message } from '@armature/messaging/message'
import { bodyJson } from '@armature/messaging/message'
import { expect, test } from 'vitest'
import { foldOf } from './fold.ts'

const settings = {
  order: { first: 'key' },
  status: { last: 'json:status' },
  total: { sum: 'json:amount' },
  states: { count: 'json:status' },
}
const fold = foldOf(settings)
const line = (id: string, body: object, time = 0) =>
  jsonMessage('orders', body, { id, key: 'o1', time: new Date(time) })
const merged = (...messages: Message[]) => fold.merge('o1', messages, '/aggregator')

test('a group becomes one document', () => {
  const document = merged(
    line('1', { amount: 2, status: 'open' }, 5),
    line('2', { amount: 0.5, status: 'open' }, 9),
    line('3', { amount: '3', status: 'paid' }, 7),
  )
  expect(bodyJson(document)).toEqual({ order: 'o1', status: 'paid', total: 5.5, states: { open: 2, paid: 1 } })
  expect(document).toMatchObject({ topic: 'orders', key: 'o1', time: new Date(9), headers: { source: '/aggregator' } })
})

test('a field that no message has is left out', () => {
  const document = foldOf({ status: { last: 'json:status' } }).merge('o1', [line('1', {})], '/aggregator')
  expect(bodyJson(document)).toEqual({})
})

test('a message that came twice counts once', () => {
  const twice = line('1', { amount: 2, status: 'open' })
  expect(bodyJson(merged(twice, { ...twice }))).toMatchObject({ total: 2, states: { open: 1 } })
})

test('the same group has the same id again, another group another', () => {
  const one = line('1', { amount: 2, status: 'open' })
  const other = line('2', { amount: 2, status: 'open' })
  expect(merged(one, other).id).toBe(merged({ ...one }, { ...other }).id)
  expect(merged(one, other).id).not.toBe(merged(one).id)
  expect(merged(one, other).id).not.toBe(merged(other, one).id)
})

test('a message without the number of a sum is refused, with its field', () => {
  expect(() => fold.check(line('1', { amount: 'much' }))).toThrow('total: json:amount is no number')
  expect(() => fold.check(line('1', { amount: 1 }))).not.toThrow()
})

test('a name of the prototype is a value like any other', () => {
  const document = merged(
    line('1', { amount: 1, status: '__proto__' }),
    line('2', { amount: 1, status: 'constructor' }),
  )
  expect(JSON.stringify(bodyJson(document))).toContain('"states":{"__proto__":1,"constructor":1}')
})
