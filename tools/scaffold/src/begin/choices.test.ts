import { expect, test } from 'vitest'
import { choicesOf } from './choices.ts'

test('what is not said has a default', () => {
  expect(choicesOf({ name: 'shop' })).toEqual({
    name: 'shop',
    scope: '@shop',
    services: ['search-service', 'log-shipper', 'aggregator', 'alert-monitor', 'reactor'],
    brokers: ['kafka', 'nats'],
  })
})

test('lists have each word once, in a known order', () => {
  const { services, brokers } = choicesOf({ name: 'shop', services: 'reactor, aggregator,reactor', brokers: 'redis' })
  expect([services, brokers]).toEqual([['aggregator', 'reactor'], ['redis']])
})

test.each([
  [{ name: 'Shop' }, 'The name "Shop" is no DNS label'],
  [{ name: 'kafka' }, 'The name "kafka" is reserved'],
  [{ name: 'shop', scope: 'shop' }, 'The scope "shop" is no scope of npm'],
  [{ name: 'shop', services: 'reactors' }, 'There is no service "reactors". The services are search-service, log-'],
  [{ name: 'shop', services: '' }, 'No service is chosen'],
  [{ name: 'shop', brokers: 'mqtt' }, 'There is no broker "mqtt". The brokers are kafka, nats, rabbitmq, redis.'],
])('%j is refused', (answers, problem) => {
  expect(() => choicesOf(answers)).toThrow(problem)
})
