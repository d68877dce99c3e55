import { uniqueName } from '@armature/servers/fixture'
import type { AsyncMessage } from 'rabbitmq-client'
import { describe, expect, test, vi } from 'vitest'
import { openAmqp } from '../src/driver.ts'
import { compose } from '@armature/messaging/compose'
import { recorder, uniqueTopic } from '@armature/messaging-kit/conformance-fixture'
import { deadLetter } from '@armature/messaging/dead-letter'
import { elementAt } from '@armature/async/element-at'
import { bodyText, message } from '@armature/messaging/message'
import { keptDrivers, sharedRabbitmq, withOptions } from './fixture.ts'

/** The client of another program, rabbitmq-client, sees messages on the wire and sends its own. */
const shared = sharedRabbitmq()
const keep = keptDrivers()

const connect = async (options: Readonly<Record<string, string>> = {}) => {
  return keep(await openAmqp(withOptions(shared.url, options), { source: '/shop', warn: () => undefined }))
}

const outsideQueue = async (routingKey: string) => {
  const queue = uniqueName('outside')
  await shared.outside.queueDeclare({ queue, exclusive: true })
  await shared.outside.queueBind({ queue, exchange: 'armature', routingKey })
  return queue
}

const got = async (queue: string) => {
  let received: AsyncMessage | undefined
  const look = async () => {
    received = (await shared.outside.basicGet({ queue, noAck: true })) as AsyncMessage | undefined
    expect(received).toBeDefined()
  }
  await vi.waitFor(look, { timeout: 15_000, interval: 20 })
  return received
}

const send = async (routingKey: string, envelope: object, body: Buffer) => {
  const publisher = shared.outside.createPublisher({ confirm: true })
  await publisher.send({ exchange: 'armature', routingKey, ...envelope }, body)
  await publisher.close()
}

describe('the wire', () => {
  test('a message is a CloudEvent in binary mode, persistent, with its id and content type as properties', async () => {
    const driver = await connect()
    const topic = uniqueTopic()
    const queue = await outsideQueue(topic)
    const time = new Date('2024-02-29T12:34:56.789Z')
    const headers = { 'content-type': 'application/octet-stream', traceparent: '00-1', 'x-shop': 'north' }
    await driver.publish(topic, [message(topic, 'body', { id: 'order-1', key: 'k', time, headers })])
    const received = await got(queue)
    expect(received).toMatchObject({
      messageId: 'order-1',
      contentType: 'application/octet-stream',
      durable: true,
      routingKey: topic,
      headers: {
        cloudEvents_specversion: '1.0',
        cloudEvents_id: 'order-1',
        cloudEvents_source: '/shop',
        cloudEvents_type: topic,
        cloudEvents_time: '2024-02-29T12:34:56.789Z',
        cloudEvents_partitionkey: 'k',
        cloudEvents_traceparent: '00-1',
        'x-shop': 'north',
      },
    })
    expect(Math.abs((received?.timestamp ?? 0) - Date.now() / 1000)).toBeLessThan(60)
    expect(Buffer.from(received?.body as Buffer).toString()).toBe('body')
  })

  test('a raw CloudEvent is read, with either prefix and typed attributes', async () => {
    const driver = await connect()
    const topic = uniqueTopic()
    const seen = recorder()
    await driver.subscribe(topic, seen.handle)
    const event = (prefix: string) => ({
      [`${prefix}specversion`]: '1.0',
      [`${prefix}id`]: `id ${prefix}`,
      [`${prefix}source`]: '/elsewhere',
      [`${prefix}type`]: 'order.paid',
      [`${prefix}sequence`]: 7,
    })
    await send(topic, { headers: event('cloudEvents_'), contentType: 'application/json' }, Buffer.from('{"a":1}'))
    await send(topic, { headers: event('cloudEvents:') }, Buffer.from('x'))
    await vi.waitFor(() => expect(seen.deliveries).toHaveLength(2), { timeout: 15_000 })
    expect(seen.deliveries[0]).toMatchObject({
      id: 'id cloudEvents_',
      headers: { source: '/elsewhere', type: 'order.paid', sequence: '7', 'content-type': 'application/json' },
    })
    expect(bodyText(elementAt(seen.deliveries, 0))).toBe('{"a":1}')
    expect(seen.deliveries[1]?.id).toBe('id cloudEvents:')
  })

  test('a foreign message is read; its headers are text, and have their types again as a dead letter', async () => {
    const driver = await connect()
    const topic = uniqueTopic()
    const handle = compose(deadLetter({ publisher: driver, handler: 'test' }))(async (delivery) => {
      expect(delivery.headers).toMatchObject({ count: '5', ratio: '0.5', urgent: 'true', list: '["a",1]', note: 'x' })
      expect(delivery.headers).toMatchObject({ 'correlation-id': 'c-1' })
      expect(delivery.id).toBe('m-1')
      throw new Error('poison')
    })
    await driver.subscribe(topic, handle, { group: 'g' })
    const headers = { count: 5, ratio: 0.5, urgent: true, list: ['a', 1], note: 'x' }
    const queue = await outsideQueue(`${topic}.DLT`)
    await send(topic, { headers, messageId: 'm-1', correlationId: 'c-1' }, Buffer.from('x'))
    const letter = await got(queue)
    expect(letter?.headers).toMatchObject({ ...headers, 'kafka_dlt-exception-message': 'poison' })
  })

  test('what the broker gives up lies in the dead-letter topic and says why', async () => {
    const driver = await connect({ deliveryLimit: '2' })
    const topic = uniqueTopic()
    const seen = recorder(() => Promise.reject(new Error('never')))
    await driver.subscribe(topic, seen.handle, { group: 'g', redeliveryDelayMs: 10 })
    await driver.publish(topic, [message(topic, 'x', { id: 'given up' })])
    const held: { id: string; topic: string; deaths: string | undefined }[] = []
    await vi.waitFor(
      async () => {
        for await (const each of driver.browser?.browse(`${topic}.DLT`, { max: 10 }) ?? []) {
          held.push({ id: each.id, topic: each.topic, deaths: each.headers['x-death'] })
        }
        expect(held).toHaveLength(1)
      },
      { timeout: 10_000 },
    )
    expect(held[0]).toMatchObject({ id: 'given up', topic: `${topic}.DLT` })
    expect(held[0]?.deaths).toContain('delivery_limit')
    expect(seen.deliveries.map(({ attempt }) => attempt)).toEqual([1, 2, 3])
  })

  test('headers that AMQP cannot carry are refused before anything is sent', async () => {
    const driver = await connect()
    const topic = uniqueTopic()
    const seen = recorder()
    await driver.subscribe(topic, seen.handle)
    const publish = (headers: Record<string, string>) =>
      driver.publish(topic, [message(topic, 'first'), message(topic, 'x', { headers })])
    await expect(publish({ 'x-long': 'x'.repeat(70_000) })).rejects.toMatchObject({ fault: 'too-large' })
    await expect(publish({ [`x-${'n'.repeat(300)}`]: '' })).rejects.toMatchObject({ fault: 'bad-message' })
    await driver.publish(topic, [message(topic, 'last')])
    await vi.waitFor(() => expect(seen.deliveries).toHaveLength(1), { timeout: 15_000 })
    expect(bodyText(elementAt(seen.deliveries, 0))).toBe('last')
  })
})
