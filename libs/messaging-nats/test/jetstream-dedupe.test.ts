import { randomUUID } from 'node:crypto'
import { serverDeadlineMs, serverUrl } from '@armature/servers/fixture'
import type { Metric } from '@armature/telemetry/metric'
import type { Metrics } from '@armature/telemetry/metrics'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { openJetstream } from '../src/jetstream-driver.ts'
import { bodyText, message } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import type { StoredMessage } from '@armature/messaging/topic-browser'
import { driverUrl } from './fixture.ts'

let url: string
let driver: Driver
let counted: object[]
let topic: string

beforeAll(async () => {
  url = await serverUrl('nats')
}, serverDeadlineMs)

beforeEach(async () => {
  counted = []
  topic = `once.${randomUUID()}`
  const metrics = {
    count: ({ name }: Metric, by: number, labels: object) => void counted.push({ name, by, ...labels }),
  } as unknown as Metrics
  driver = await openJetstream(driverUrl('jetstream', url), { metrics, source: '/ours' })
})

afterEach(() => driver.close())

const event = (id: string, body: string, source?: string) =>
  message(topic, body, { id, headers: source === undefined ? {} : { source } })

const stored = async () => {
  const bodies: string[] = []
  for await (const held of driver.browser?.browse(topic, { max: 100 }) ?? []) bodies.push(bodyText(held))
  return bodies
}

test('bug: three events of different sources with one id were stored as one', async () => {
  const events = ['/shop', '/depot', '/office'].map((source) => event('1', source, source))
  await driver.publish(topic, [...events, event('1', 'ours')])
  expect(await stored()).toEqual(['/shop', '/depot', '/office', 'ours'])
  expect(counted).toEqual([])
})

test('an event that is published again is stored once, and the repeat is counted', async () => {
  await driver.publish(topic, [event('1', 'x', '/shop'), event('1', 'x')])
  await driver.publish(topic, [event('1', 'x', '/shop'), event('1', 'x', '/ours'), event('2', 'x')])
  expect(await stored()).toEqual(['x', 'x', 'x'])
  const repeat = { name: 'component_discarded_events_total', by: 1, component: 'jetstream', reason: 'duplicate' }
  expect(counted).toEqual([
    { ...repeat, intentional: true },
    { ...repeat, intentional: true },
  ])
})

test('bug: another event under the same identity was confirmed and in no stream', async () => {
  await driver.publish(topic, [event('1', 'first', '/shop')])
  await driver.publish(topic, [event('1', 'second', '/shop')])
  expect(await stored()).toEqual(['first', 'second'])
})

/** Removes all that lies there, as an operator does. */
const emptied = async () => {
  const all: StoredMessage[] = []
  for await (const held of driver.browser?.browse(topic, { max: 100 }) ?? []) all.push(held)
  await driver.browser?.remove(topic, all)
}

test('bug: what was removed and is published again was confirmed as a repeat and in no stream', async () => {
  await driver.publish(topic, [event('1', 'x', '/shop'), event('2', 'x', '/shop')])
  await emptied()
  await driver.publish(topic, [event('1', 'x', '/shop'), event('3', 'y', '/shop')])
  expect(await stored()).toContain('x')
  expect((await stored()).slice(-2)).toEqual(['x', 'y'])
  expect(counted).toEqual([])
  await emptied()
  // The server knows the second copy, too.
  await driver.publish(topic, [event('1', 'x', '/shop')])
  expect(await stored()).toEqual(['x'])
})
