import type { Socket } from 'node:net'
import { ConfigResourceTypes } from 'kafkajs'
import { describe, expect, test } from 'vitest'
import { serverDeadlineMs, skipped, uniqueName } from '@armature/servers/fixture'
import { ConnectError } from '@armature/messaging/errors'
import { message } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import type { StoredMessage, TopicBrowser } from '@armature/messaging/topic-browser'
import { openKafka } from '../src/driver.ts'
import { makeSocket, type MakeSocket } from '../src/connection.ts'
import { asAdmin, eventually, kcatPublish, sharedKafka, watchRequests } from './fixture.ts'

const browserOf = ({ browser }: Driver): TopicBrowser => {
  if (browser === undefined) throw new Error('no browser')
  return browser
}

const lying = async (browser: TopicBrowser, topic: string): Promise<StoredMessage[]> => {
  const held: StoredMessage[] = []
  for await (const each of browser.browse(topic, { max: 10_000 })) held.push(each)
  return held
}

const produceKey = 0

/** Sockets on which requests to produce wait for what is done meanwhile. */
const beforeProduce =
  (meanwhile: () => Promise<unknown>): MakeSocket =>
  (...args) =>
    watchRequests(makeSocket(...args), (api) => (api === produceKey ? meanwhile() : undefined))

const once = (work: () => Promise<unknown>): (() => Promise<unknown>) => {
  let done: Promise<unknown> | undefined
  return () => (done ??= work())
}

describe.skipIf(skipped('kafka'))('a removal from a topic of Kafka', { timeout: serverDeadlineMs }, () => {
  const { url, connect, keep } = sharedKafka()

  /** A partition does not fit into one fetch. */
  const bodyBytes = 1_000

  const filled = async (count: number) => {
    const topic = `${uniqueName('letters')}.DLT`
    const driver = await connect({ partitions: 2 })
    const ids = Array.from({ length: count }, (_, index) => `letter-${10_000 + index}`)
    await driver.publish(
      topic,
      ids.map((id, index) => message(topic, 'x'.repeat(bodyBytes), { id, key: `key-${index % 7}` })),
    )
    return { topic, ids, driver }
  }

  test('bug: two at once lost 600 of 1,200 letters that neither removed', async () => {
    const { topic, ids } = await filled(1_200)
    const [one, other] = [browserOf(await connect()), browserOf(await connect())]
    const take = async (browser: TopicBrowser, part: number) => {
      const held = await lying(browser, topic)
      const own = held.filter(({ id }) => Number(id.slice(-1)) === part)
      for (let at = 0; at < own.length; at += 30) await browser.remove(topic, own.slice(at, at + 30))
    }
    await Promise.all([take(one, 1), take(other, 2)])
    const left = (await lying(one, topic)).map(({ id }) => id)
    expect(left.sort()).toEqual(ids.filter((id) => !['1', '2'].includes(id.slice(-1))))
  })

  /** Cuts off all below the offset, in each of two partitions, as retention does. */
  const expire = (topic: string, below: number) =>
    asAdmin(url(), async (admin) => {
      await admin.fetchTopicOffsets(topic)
      await admin.deleteTopicRecords({
        topic,
        partitions: [0, 1].map((partition) => ({ partition, offset: String(below) })),
      })
    })

  test('bug: what expired during a removal was taken for the end, and the rest was cut off', async () => {
    const { topic, ids, driver } = await filled(4_000)
    const held = await lying(browserOf(driver), topic)
    const below = 1_500
    const meanwhile = once(() => expire(topic, below))
    const removing = keep(await openKafka(url(), { sockets: beforeProduce(meanwhile) }))
    const own = held.filter((_, index) => index % 5 === 3)
    await browserOf(removing).remove(topic, own)
    const left = new Set((await lying(browserOf(driver), topic)).map(({ id }) => id))
    const gone = new Set(own.map(({ id }) => id))
    const kept = held.filter(({ id, position }) => (position?.offset ?? 0) >= below && !gone.has(id))
    expect(kept.length).toBeGreaterThan(100)
    expect(kept.filter(({ id }) => !left.has(id)).map(({ id }) => id)).toEqual([])
    expect(ids.filter((id) => gone.has(id) && left.has(id))).toEqual([])
  })

  const never = new Promise<never>(() => undefined)

  test('a second one waits, then says that others remove', async () => {
    const { topic, driver } = await filled(20)
    const held = await lying(browserOf(driver), topic)
    const reached = Promise.withResolvers<void>()
    const stalled = once(() => (reached.resolve(), never))
    const holder = keep(await openKafka(url({ closeWaitMs: 100 }), { sockets: beforeProduce(stalled) }))
    browserOf(holder)
      .remove(topic, held.slice(5, 6))
      .catch(() => undefined)
    await reached.promise
    const second = browserOf(await connect({ connectWaitMs: 300, sessionTimeoutMs: 300 }))
    const removing = second.remove(topic, held.slice(0, 5))
    await expect(removing).rejects.toThrow(ConnectError)
    await expect(removing).rejects.toThrow(`others remove from ${topic} for more than 600 ms: try again later`)
    expect(await lying(browserOf(driver), topic)).toHaveLength(20)
  })

  test('one that died in the middle leaves all letters, and its lock after a session', async () => {
    const { topic, ids, driver } = await filled(20)
    const held = await lying(browserOf(driver), topic)
    const died = Promise.withResolvers<void>()
    const sockets = new Set<Socket>()
    let dead = false
    const die = once(() => {
      dead = true
      for (const socket of sockets) socket.destroy(new Error('dead'))
      died.resolve()
      return never
    })
    const make = beforeProduce(die)
    const dying = await openKafka(url({ sessionTimeoutMs: 500, closeWaitMs: 100 }), {
      warn: () => undefined,
      sockets: (...args) => {
        const socket = make(...args)
        sockets.add(socket)
        if (dead) socket.destroy(new Error('dead'))
        return socket
      },
    })
    keep(dying)
    browserOf(dying)
      .remove(topic, held.slice(5, 6))
      .catch(() => undefined)
    await died.promise
    await browserOf(await connect({ sessionTimeoutMs: 500 })).remove(topic, held.slice(0, 5))
    const removed = new Set(held.slice(0, 5).map(({ id }) => id))
    const left = (await lying(browserOf(driver), topic)).map(({ id }) => id)
    expect(left.sort()).toEqual(ids.filter((id) => !removed.has(id)))
  })

  test('bug: letters that a codec made small enough were too large to be published again', async () => {
    const topic = `${uniqueName('letters')}.DLT`
    await asAdmin(url(), (admin) =>
      admin.createTopics({
        topics: [
          {
            topic,
            numPartitions: 1,
            configEntries: [
              { name: 'max.message.bytes', value: '50000' },
              { name: 'compression.type', value: 'gzip' },
            ],
          },
        ],
      }),
    )
    for (const each of ['a', 'b', 'c']) {
      await kcatPublish(url(), topic, Buffer.alloc(200_000, each), { compression: 'gzip', headers: { id: each } })
    }
    const browser = browserOf(await connect())
    const held = await lying(browser, topic)
    await browser.remove(topic, held.slice(1, 2))
    expect((await lying(browser, topic)).map(({ body }) => Buffer.from(body).toString('utf8', 0, 1))).toEqual([
      'a',
      'c',
    ])
  })
})

describe.skipIf(skipped('kafka'))('dead letters on Kafka', { timeout: serverDeadlineMs }, () => {
  const { url, connect, keep } = sharedKafka()

  const settingsOf = (topic: string) =>
    asAdmin(url(), async (admin) => {
      const answer = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [
          {
            type: ConfigResourceTypes.TOPIC,
            name: topic,
            configNames: ['retention.ms', 'retention.bytes', 'cleanup.policy'],
          },
        ],
      })
      return Object.fromEntries(
        answer.resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]) ?? [],
      )
    })

  test('bug: topics of dead letters expired after a week', async () => {
    const topic = uniqueName('orders')
    const driver = await connect()
    await driver.publish(`${topic}.DLT`, [message(`${topic}.DLT`, 'x')])
    await driver.publish(topic, [message(topic, 'x')])
    expect(await settingsOf(`${topic}.DLT`)).toEqual({
      'retention.ms': '-1',
      'retention.bytes': '-1',
      'cleanup.policy': 'delete',
    })
    expect((await settingsOf(topic))['retention.ms']).toBe('604800000')
  })

  test('a topic of dead letters with a retention limit is reported once, by the publisher and by the browser', async () => {
    const topic = `${uniqueName('orders')}.DLT`
    const configEntries = [
      { name: 'retention.ms', value: '60000' },
      { name: 'cleanup.policy', value: 'compact' },
    ]
    await asAdmin(url(), (admin) => admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }] }))
    for (const use of [
      (driver: Driver) => driver.publish(topic, [message(topic, 'x', { key: 'k' })]),
      (driver: Driver) => lying(browserOf(driver), topic),
    ]) {
      const told: string[] = []
      const driver = keep(await openKafka(url(), { warn: (problem) => told.push(problem) }))
      await use(driver)
      await use(driver)
      await eventually(() =>
        expect(told).toEqual([
          `kafka: dead letters of ${topic} are lost in time by cleanup.policy=compact, retention.ms=60000: set cleanup.policy=delete, retention.ms=-1`,
        ]),
      )
    }
  })
})
