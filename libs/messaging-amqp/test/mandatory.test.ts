import { serverDeadlineMs, serverUrl, uniqueName } from '@armature/servers/fixture'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openAmqp } from '../src/driver.ts'
import { recorder } from '@armature/messaging-kit/conformance-fixture'
import { message } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import { withOptions } from './fixture.ts'

let driver: Driver
let careless: Driver

beforeAll(async () => {
  const server = await serverUrl('rabbitmq')
  driver = await openAmqp(server, { warn: () => undefined })
  careless = await openAmqp(withOptions(server, { mandatory: 'false' }), { warn: () => undefined })
}, serverDeadlineMs)
afterAll(() => Promise.all([driver?.close(), careless?.close()]))

const unroutable = {
  fault: 'unroutable',
  retryable: true,
  message: expect.stringMatching(/subscribe a group first, or add mandatory=false/) as string,
}

describe('a topic that nobody reads', () => {
  test('bug: a publish to nobody was confirmed and the message in no queue', async () => {
    const topic = uniqueName('nobody')
    await expect(driver.publish(topic, [message(topic, 'x')])).rejects.toMatchObject(unroutable)
  })

  test('takes what is published once a group has subscribed, also when no member is there', async () => {
    const topic = uniqueName('later')
    const publish = () => driver.publish(topic, [message(topic, 'x', { id: 'x' })])
    await expect(publish()).rejects.toMatchObject(unroutable)
    const first = await driver.subscribe(topic, async () => undefined, { group: 'g' })
    await first.close()
    await publish()
    const seen = recorder()
    await driver.subscribe(topic, seen.handle, { group: 'g' })
    await vi.waitFor(() => expect(seen.ids()).toEqual(['x']), { timeout: 5_000 })
  })

  test('is no fault with mandatory=false', async () => {
    const topic = uniqueName('opted-out')
    await careless.publish(topic, [message(topic, 'x')])
  })

  test('bug: of two publishes of one message at once only one was told', async () => {
    const topic = uniqueName('twice')
    const one = message(topic, 'x', { id: 'same' })
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => driver.publish(topic, [one])))
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason: unroutable })
  })

  test('keeps its dead letters', async () => {
    const topic = `${uniqueName('dead')}.DLT`
    await driver.publish(topic, [message(topic, 'x', { id: 'letter' })])
    const held: string[] = []
    for await (const { id } of driver.browser?.browse(topic, { max: 10 }) ?? []) held.push(id)
    expect(held).toEqual(['letter'])
  })
})
