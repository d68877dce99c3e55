import { randomUUID } from 'node:crypto'
import { startNats } from '@armature/servers/nats'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { Msg } from '@nats-io/nats-core'
import { describe, expect, test, vi } from 'vitest'
import { openJetstream } from '../src/jetstream-driver.ts'
import { bodyText, jsonMessage, message } from '@armature/messaging/message'
import { openNats, type NatsDriver } from '../src/driver.ts'
import type { Delivery, Driver } from '@armature/messaging/ports'
import { driverUrl, keptDrivers, rawPublish, sharedNats } from './fixture.ts'

const nats = sharedNats()
const keep = keptDrivers()

const core = async (): Promise<NatsDriver> => {
  return keep(await openNats(driverUrl('nats', nats.url)))
}

const stored = async (options = ''): Promise<Driver> => {
  return keep(await openJetstream(driverUrl('jetstream', nats.url, options)))
}

const eventually = (assertion: () => void | Promise<void>) => vi.waitFor(assertion, { timeout: 5_000, interval: 10 })
const unique = (prefix: string) => `${prefix}.${randomUUID()}`

describe('on the wire', () => {
  const cases: [string, () => Promise<Driver>][] = [
    ['nats:', core],
    ['jetstream:', () => stored()],
  ]

  test.each(cases)('%s a message is a CloudEvent by the binding to NATS, binary mode', async (_, connect) => {
    const topic = unique('wire')
    const seen: Msg[] = []
    const subscription = nats.raw.subscribe(topic, { callback: (_error, msg) => void seen.push(msg) })
    await nats.raw.flush()
    const driver = await connect()
    const time = new Date('2024-02-29T12:34:56.789Z')
    const headers = { 'x-plain': 'as it is', traceparent: '00-1-2-03' }
    await driver.publish(topic, [jsonMessage(topic, { total: 9 }, { id: 'id ž"%', key: 'customer 7', time, headers })])
    await eventually(() => expect(seen).toHaveLength(1))
    subscription.unsubscribe()
    const [msg] = seen
    const wire = Object.fromEntries([...(msg?.headers ?? [])].filter(([name]) => !name.startsWith('Nats-')))
    expect(wire).toEqual({
      'ce-specversion': ['1.0'],
      'ce-id': ['id%20%C5%BE%22%25'],
      'ce-source': ['/armature'],
      'ce-type': [topic],
      'ce-time': ['2024-02-29T12:34:56.789Z'],
      'ce-partitionkey': ['customer%207'],
      'ce-datacontenttype': ['application/json'],
      'ce-traceparent': ['00-1-2-03'],
      'x-plain': ['as it is'],
    })
    expect(msg?.json()).toEqual({ total: 9 })
  })

  test.each(cases)('%s an event that another program writes is read, binary and structured', async (_, connect) => {
    const topic = unique('wire')
    const driver = await connect()
    const seen: Delivery[] = []
    await driver.subscribe(topic, async (delivery) => void seen.push(delivery))
    const binary = { 'ce-specversion': '1.0', 'ce-id': 'b-1', 'ce-source': '/shop', 'ce-type': 'order', 'Nats-X': 'y' }
    await rawPublish(nats.raw, topic, binary, Buffer.from('binary'))
    const event = { specversion: '1.0', id: 's-1', source: '/shop', type: 'order', data: { total: 9 } }
    const structured = { 'Content-Type': 'application/cloudevents+json' }
    await rawPublish(nats.raw, topic, structured, Buffer.from(JSON.stringify(event)))
    await eventually(() => expect(seen.map(({ id }) => id)).toEqual(['b-1', 's-1']))
    expect(seen[0]?.headers).toEqual({ source: '/shop', type: 'order' })
    expect(bodyText(seen[1] as Delivery)).toBe('{"total":9}')
  })

  test.each(cases)('%s the subjects of the server are no topics', async (_, connect) => {
    const driver = await connect()
    const topic = '$JS.API.STREAM.DELETE.orders'
    for (const reserved of [topic, '_INBOX.x', '$SYS.REQ.SERVER.PING']) {
      await expect(driver.publish(reserved, [message(reserved, 'x')])).rejects.toMatchObject({ fault: 'bad-topic' })
      await expect(driver.subscribe(reserved, async () => undefined)).rejects.toThrow('own')
    }
    const seen: string[] = []
    await driver.subscribe('>', async (delivery) => void seen.push(delivery.topic))
    const fresh = unique('fresh')
    await (await stored()).publish(fresh, [message(fresh, 'x')])
    await eventually(() => expect(seen).toContain(fresh))
    expect(seen.filter((each) => each.startsWith('$') || each.startsWith('_INBOX'))).toEqual([])
  })
})

describe('request and reply', () => {
  test('a request is answered by one of the group', async () => {
    const topic = unique('ask')
    const [client, one, two] = [await core(), await core(), await core()]
    let answered = 0
    for (const each of [one, two]) {
      const answer = async (request: Delivery) => {
        answered++
        return message(topic, `hello ${bodyText(request)}`, { headers: { 'x-more': 'yes' } })
      }
      await each.respond(topic, answer, { group: 'greeters' })
    }
    const answer = await client.request(topic, message(topic, 'you'))
    expect(bodyText(answer)).toBe('hello you')
    expect(answer.headers['x-more']).toBe('yes')
    expect(answered).toBe(1)
  })

  test('says when nobody responds, when no answer comes in time and when the responder failed', async () => {
    const topic = unique('ask')
    const [client, server] = [await core(), await core()]
    const ask = (timeoutMs = 5_000) => client.request(topic, message(topic, 'x'), { timeoutMs })
    await expect(ask()).rejects.toMatchObject({ name: 'RequestError', fault: 'nobody' })
    let answer: () => Promise<never> = () => new Promise(() => undefined)
    await server.respond(topic, () => answer())
    await expect(ask(100)).rejects.toMatchObject({ fault: 'timeout' })
    answer = async () => {
      throw new Error('no such order\nat all')
    }
    await expect(ask()).rejects.toMatchObject({ fault: 'failed', message: expect.stringContaining('no such order') })
  })

  test('a raw client can ask and answer', async () => {
    const [topic, other] = [unique('ask'), unique('ask')]
    const driver = await core()
    await driver.respond(topic, async () => message(topic, 'ours'))
    expect((await nats.raw.request(topic, 'x')).string()).toBe('ours')
    const subscription = nats.raw.subscribe(other, { callback: (_error, msg) => void msg.respond('theirs') })
    await nats.raw.flush()
    expect(bodyText(await driver.request(other, message(other, 'x')))).toBe('theirs')
    subscription.unsubscribe()
  })
})

describe('streams', () => {
  test('a stream that somebody made is used as it is, and what it does not store gets one of its own', async () => {
    const token = `made${randomUUID().slice(0, 8)}`
    const jsm = await jetstreamManager(nats.raw)
    await jsm.streams.add({ name: `THEIRS_${token}`, subjects: [`${token}.a.>`], max_msgs: 1_000 })
    const before = (await jsm.streams.info(`THEIRS_${token}`)).config
    const driver = await stored()
    const seen: string[] = []
    await driver.subscribe(`${token}.>`, async ({ topic }) => void seen.push(topic), { group: 'all', from: 'earliest' })
    for (const topic of [`${token}.a.one`, `${token}.b`, `${token}.a.one.DLT`]) {
      await driver.publish(topic, [message(topic, 'x')])
    }
    await eventually(() => expect([...seen].sort()).toEqual([`${token}.a.one`, `${token}.a.one.DLT`, `${token}.b`]))
    const { config, state } = await jsm.streams.info(`THEIRS_${token}`)
    expect(config).toEqual(before)
    expect(state.messages).toBe(2)
    expect(await jsm.streams.find(`${token}.b`)).not.toBe(`THEIRS_${token}`)
  })

  test('an id is stored once in a topic, but a redriven message is no repeat', async () => {
    const topic = unique('once')
    const driver = await stored()
    const seen: Delivery[] = []
    await driver.subscribe(topic, async (delivery) => void seen.push(delivery))
    const publish = (to: string, headers = {}) => driver.publish(to, [message(to, 'x', { id: 'same', headers })])
    await publish(topic)
    await publish(topic)
    await publish(`${topic}.DLT`)
    await publish(topic, { 'dlt-redrives': '1' })
    await driver.publish(topic, [message(topic, 'last', { id: 'last' })])
    await eventually(() => expect(seen.map(({ id }) => id)).toEqual(['same', 'same', 'last']))
    const letters = []
    for await (const letter of driver.browser?.browse(`${topic}.DLT`, { max: 10 }) ?? []) letters.push(letter)
    expect(letters).toHaveLength(1)
  })

  test('dead letters outlive maxAgeMs, other messages do not', async () => {
    const own = await startNats()
    const driver = await openJetstream(driverUrl('jetstream', own.url, 'maxAgeMs=500'))
    try {
      await driver.publish('age.x', [message('age.x', 'old')])
      await driver.publish('age.x.DLT', [message('age.x.DLT', 'kept')])
      await vi.waitFor(async () => expect(await driver.browser?.topics()).toEqual(['age.x.DLT']), { timeout: 10_000 })
    } finally {
      await driver.close()
      await own.stop()
    }
  }, 30_000)

  test('a stream that is full refuses, and says that it may succeed later', async () => {
    const token = `full${randomUUID().slice(0, 8)}`
    const driver = await stored('maxBytes=10000')
    const publish = () => driver.publish(`${token}.x`, [message(`${token}.x`, new Uint8Array(4_000))])
    await publish()
    await publish()
    await expect(publish()).rejects.toMatchObject({ fault: 'full', retryable: true })
  })
})

describe('long handlers', () => {
  test('a message stays with its handler for longer than ackWaitMs', async () => {
    const topic = unique('long')
    const [one, two] = [await stored('ackWaitMs=300'), await stored('ackWaitMs=300')]
    const attempts: number[] = []
    let finish = () => {}
    const handle = ({ attempt }: Delivery) => {
      attempts.push(attempt)
      return new Promise<void>((resolve) => (finish = resolve))
    }
    const subscription = await one.subscribe(topic, handle, { group: 'g' })
    await two.subscribe(topic, handle, { group: 'g' })
    // A consumer of the same ackWaitMs that gives no sign of work gets it again and again: so long is long.
    const jsm = await jetstreamManager(nats.raw)
    const idle = { durable_name: 'idle', ack_policy: 'explicit', ack_wait: 300_000_000, filter_subject: topic } as const
    await jsm.consumers.add('long', idle)
    const deliveries: number[] = []
    const messages = await (
      await jetstream(nats.raw).consumers.get('long', 'idle')
    ).consume({
      callback: ({ info }) => void deliveries.push(info.deliveryCount),
    })
    await one.publish(topic, [message(topic, 'x')])
    await eventually(() => expect(Math.max(...deliveries)).toBeGreaterThan(4))
    await messages.close()
    expect(attempts).toEqual([1])
    finish()
    await eventually(() => expect(subscription.inFlight).toBe(0))
    expect(attempts).toEqual([1])
  })

  test('but no longer than maxHandlingMs: then it goes to another', async () => {
    const topic = unique('long')
    const problems: string[] = []
    const options = 'ackWaitMs=300&maxHandlingMs=1000'
    const one = await openJetstream(driverUrl('jetstream', nats.url, options), { warn: (text) => problems.push(text) })
    keep(one)
    const attempts: number[] = []
    const handle = ({ attempt }: Delivery): Promise<void> => {
      attempts.push(attempt)
      return attempt === 1 ? new Promise(() => undefined) : Promise.resolve()
    }
    await one.subscribe(topic, handle, { group: 'g' })
    await one.publish(topic, [message(topic, 'x')])
    await eventually(() => expect(attempts).toEqual([1, 2]))
    expect(problems.join()).toContain('1000 ms')
  })
})
