import { randomUUID } from 'node:crypto'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { startNats } from '@armature/servers/nats'
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { jetstreamConsumers } from '../src/jetstream-consumers.ts'
import { streamLives } from '../src/jetstream-lives.ts'
import { jetstreamSettings } from '../src/jetstream-settings.ts'
import { openJetstream } from '../src/jetstream-driver.ts'
import { message } from '@armature/messaging/message'
import type { Delivery, Driver, SubscribeOptions } from '@armature/messaging/ports'
import type { StoredMessage } from '@armature/messaging/topic-browser'
import { driverUrl, keptDrivers, sharedNats } from './fixture.ts'

const timeout = 60_000

const nats = sharedNats()
let jsm: JetStreamManager
const keep = keptDrivers()

beforeAll(async () => {
  jsm = await jetstreamManager(nats.raw)
}, serverDeadlineMs)

const connect = async (at = nats.url, options = ''): Promise<Driver> => {
  return keep(await openJetstream(driverUrl('jetstream', at, options), { warn: () => undefined }))
}

const eventually = (assertion: () => void | Promise<void>) => vi.waitFor(assertion, { timeout: 20_000, interval: 10 })

const numbers = (topic: string, from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => message(topic, '', { id: `${from + at}`, key: `k${at % 5}` }))

const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => `${from + at}`)

/** The stream of the topic's first token, deleted and made again at once with the same subjects. */
const makeAnew = async (token: string) => {
  const { config } = await jsm.streams.info(token)
  await jsm.streams.delete(token)
  await jsm.streams.add(config)
}

const subscribers: [string, SubscribeOptions][] = [
  ['a group', { group: 'g' }],
  ['a group with serial', { group: 'g', serial: 'key' }],
  ['no group', { from: 'earliest' }],
  ['no group, from latest', { from: 'latest' }],
]

describe('a stream that is deleted and made again at once', { timeout }, () => {
  test.each(subscribers)('bug: %s got 0 of the first 5 in the new stream, then 105 of 200', async (_, options) => {
    const token = `anew-${randomUUID()}`
    const topic = `${token}.x`
    const driver = await connect()
    const seen: string[] = []
    await driver.subscribe(topic, async ({ id }) => void seen.push(id), options)
    await driver.publish(topic, numbers(topic, 0, 100))
    await eventually(() => expect(seen).toEqual(ids(0, 100)))
    await makeAnew(token)
    await driver.publish(topic, numbers(topic, 100, 105))
    await eventually(() => expect(seen).toEqual(ids(0, 105)))
    await driver.publish(topic, numbers(topic, 105, 300))
    await eventually(() => expect(seen).toEqual(ids(0, 300)))
  })

  test.each(['*.x', '>'])('the same with the pattern ...%s', async (rest) => {
    const token = `anew-${randomUUID()}`
    const topic = `${token}.a.x`
    const driver = await connect()
    const seen: string[] = []
    await driver.subscribe(`${token}.${rest}`, async ({ id }) => void seen.push(id), { group: 'g' })
    await driver.publish(topic, numbers(topic, 0, 50))
    await eventually(() => expect(seen).toEqual(ids(0, 50)))
    await makeAnew(token)
    await driver.publish(topic, numbers(topic, 50, 60))
    await eventually(() => expect(seen).toEqual(ids(0, 60)))
  })

  test.each(subscribers)('while a publisher runs: %s gets all of the new stream', async (_, options) => {
    const token = `anew-${randomUUID()}`
    const topic = `${token}.x`
    const driver = await connect()
    const seen = new Set<string>()
    await driver.subscribe(topic, async ({ id }) => void seen.add(id), options)
    let published = 0
    let over = false
    const publishing = (async () => {
      while (!over) {
        await driver.publish(topic, numbers(topic, published, published + 10))
        published += 10
      }
    })()
    for (let lives = 0; lives < 3; lives++) {
      const target = published + 300
      await eventually(() => expect(published).toBeGreaterThan(target))
      await jsm.streams.delete(token)
    }
    await eventually(async () => expect((await jsm.streams.info(token)).state.last_seq).toBeGreaterThan(100))
    over = true
    await publishing
    const { state } = await jsm.streams.info(token)
    const held: string[] = []
    for await (const { id } of driver.browser?.browse(topic, { max: 10_000 }) ?? []) held.push(id)
    expect(held).toHaveLength(state.messages)
    await eventually(() => expect(held.filter((id) => !seen.has(id))).toEqual([]))
  })

  test('the late answer to a message of the old stream settles none of the new one', async () => {
    const token = `anew-${randomUUID()}`
    const topic = `${token}.x`
    const [slow, other] = [await connect(), await connect()]
    let finish = () => {}
    const inHand: string[] = []
    await slow.subscribe(
      topic,
      ({ id }) => {
        inHand.push(id)
        return new Promise<void>((resolve) => (finish = resolve))
      },
      { group: 'g', maxInFlight: 1 },
    )
    await slow.publish(topic, numbers(topic, 0, 1))
    await eventually(() => expect(inHand).toEqual(['0']))
    await makeAnew(token)
    const seen: Delivery[] = []
    await other.subscribe(topic, (delivery) => (seen.push(delivery), new Promise(() => undefined)), { group: 'g' })
    await other.publish(topic, numbers(topic, 1, 2))
    await eventually(() => expect(seen.map(({ id }) => id)).toEqual(['1']))
    finish()
    // The slow one takes its next message after it has settled the old one.
    await other.publish(topic, numbers(topic, 2, 4))
    await eventually(() => expect(inHand.length + seen.length).toBeGreaterThan(2))
    const pending = async () => {
      const [consumer] = await jsm.consumers.list(token).next()
      return consumer?.num_ack_pending
    }
    expect(await pending()).toBeGreaterThanOrEqual(2)
    expect((await jsm.consumers.list(token).next())[0]?.ack_floor.stream_seq).toBe(0)
  })

  test('what was in hand is handled again until it succeeds, though its stream is gone', async () => {
    const token = `anew-${randomUUID()}`
    const topic = `${token}.x`
    const driver = await connect()
    let fail = () => {}
    const attempts: number[] = []
    await driver.subscribe(
      topic,
      ({ attempt, id }) => {
        if (id !== '0') return Promise.resolve()
        attempts.push(attempt)
        return attempts.length > 1
          ? Promise.resolve()
          : new Promise((_, reject) => (fail = () => reject(new Error('not yet'))))
      },
      { group: 'g' },
    )
    await driver.publish(topic, numbers(topic, 0, 1))
    await eventually(() => expect(attempts).toEqual([1]))
    await makeAnew(token)
    await eventually(async () => expect(await jsm.consumers.list(token).next()).toHaveLength(1))
    fail()
    await eventually(() => expect(attempts).toEqual([1, 2]))
  })
})

describe('a server that is replaced by an empty one at the same address', { timeout }, () => {
  test.each(subscribers)('%s gets all that the new one stores', async (_, options) => {
    const first = await startNats()
    const port = Number(new URL(first.url).port)
    const driver = await connect(first.url)
    const topic = `replaced.${randomUUID()}`
    const seen: string[] = []
    await driver.subscribe(topic, async ({ id }) => void seen.push(id), options)
    await driver.publish(topic, numbers(topic, 0, 50))
    await eventually(() => expect(seen).toEqual(ids(0, 50)))
    await first.stop()
    const second = await startNats({ port })
    try {
      await driver.publish(topic, numbers(topic, 50, 60))
      await eventually(() => expect(seen).toEqual(ids(0, 60)))
    } finally {
      await driver.close()
      await second.stop()
    }
  })
})

const settings = jetstreamSettings('jetstream://127.0.0.1')

describe('a consumer that somebody removed', { timeout }, () => {
  test('begins again with what the member that is furthest behind has in hand', async () => {
    const token = `removed-${randomUUID()}`
    const topic = `${token}.x`
    const [slow, fast] = [await connect(), await connect()]
    const held: string[] = []
    const done: string[] = []
    await slow.subscribe(topic, ({ id }) => (held.push(id), new Promise(() => undefined)), {
      group: 'g',
      maxInFlight: 1,
    })
    await slow.publish(topic, numbers(topic, 0, 1))
    await eventually(() => expect(held).toEqual(['0']))
    await fast.subscribe(topic, async ({ id }) => void done.push(id), { group: 'g' })
    await fast.publish(topic, numbers(topic, 1, 20))
    await eventually(() => expect(done).toEqual(ids(1, 20)))
    const [consumer] = await jsm.consumers.list(token).next()
    await jsm.consumers.delete(token, consumer?.name ?? '')
    await eventually(async () => {
      const [made] = await jsm.consumers.list(token).next()
      expect(made?.config.opt_start_seq).toBe(1)
    })
    await slow.close()
    await eventually(() => expect(done).toContain('0'))
  })

  test.each([
    [21, 1],
    [1, 21],
  ])('begins at 1 when a member makes it from %i on, and another from %i on', async (...starts) => {
    const token = `starts-${randomUUID()}`
    const driver = await connect()
    await driver.publish(`${token}.x`, numbers(`${token}.x`, 0, 20))
    const { durable } = jetstreamConsumers(jsm, settings)
    for (const offset of starts) await durable(token, { group: 'g', topic: `${token}.x`, serial: false }, { offset })
    const [made] = await jsm.consumers.list(token).next()
    expect(made).toMatchObject({ config: { opt_start_seq: 1 }, num_pending: 20 })
  })
})

describe('the life of a stream is told', { timeout }, () => {
  /** A stream with three messages; its life, and the second message. */
  const begun = async () => {
    const token = `life-${randomUUID()}`
    const driver = await connect()
    await driver.publish(`${token}.x`, numbers(`${token}.x`, 0, 3))
    const { created } = await jsm.streams.info(token)
    const second = await jsm.streams.getMessage(token, { seq: 2 })
    const last = { sequence: 2, storedAt: second?.time ?? new Date(0) }
    const { isSameLife } = streamLives(jsm)
    return { token, driver, created, last, isSameLife: () => isSameLife(token, created, last) }
  }

  test('it is the same while messages come and go', async () => {
    const { token, driver, isSameLife } = await begun()
    expect(await isSameLife()).toBe(true)
    await driver.publish(`${token}.x`, numbers(`${token}.x`, 3, 5))
    await jsm.streams.deleteMessage(token, 2)
    expect(await isSameLife()).toBe(true)
    await jsm.streams.purge(token)
    expect(await isSameLife()).toBe(true)
  })

  test('by the time when it was made, where nothing is in the place', async () => {
    const { token, driver, isSameLife } = await begun()
    await makeAnew(token)
    await driver.publish(`${token}.x`, numbers(`${token}.x`, 3, 6))
    await jsm.streams.deleteMessage(token, 2)
    expect(await isSameLife()).toBe(false)
  })

  test('by an end before the place, and by another message in it, as after a restore', async () => {
    const { token, created, last } = await begun()
    const { isSameLife } = streamLives(jsm)
    expect(await isSameLife(token, created, { ...last, sequence: 4 })).toBe(false)
    expect(await isSameLife(token, created, { ...last, storedAt: new Date(1) })).toBe(false)
  })

  test('bug: a removal took the message that lay in the same place after a restore', async () => {
    const { token, driver } = await begun()
    const held: StoredMessage[] = []
    for await (const each of driver.browser?.browse(`${token}.x`, { max: 10 }) ?? []) held.push(each)
    const [first, second, ...others] = held
    if (first === undefined || second === undefined) throw new Error('nothing lies there')
    const before = { ...(first.handle as object), storedAtMs: first.storedAt.getTime() - 1 }
    await driver.browser?.remove(`${token}.x`, [{ ...first, handle: before }, second])
    const left: string[] = []
    for await (const { id } of driver.browser?.browse(`${token}.x`, { max: 10 }) ?? []) left.push(id)
    expect(left).toEqual([first, ...others].map(({ id }) => id))
  })
})
