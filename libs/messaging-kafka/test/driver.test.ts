import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { skipped } from '@armature/servers/fixture'
import { startProgram } from '@armature/servers/program'
import { CompressionTypes, Kafka, logLevel } from 'kafkajs'
import { describe, expect, test, vi } from 'vitest'
import { idsOf, numbered, recorder, uniqueTopic } from '@armature/messaging-kit/conformance-fixture'
import { elementAt } from '@armature/async/element-at'
import { PublishError } from '@armature/messaging/errors'
import { makeSocket } from '../src/connection.ts'
import { openKafka } from '../src/driver.ts'
import { kafkaName } from '../src/names.ts'
import { partitionOf } from '../src/partitioner.ts'
import { bodyText, message } from '@armature/messaging/message'
import {
  apis,
  asAdmin,
  cuttableSockets,
  eventually,
  hostsOf,
  kcatPublish,
  kcatRead,
  keys,
  sharedKafka,
  watchRequests,
} from './fixture.ts'

describe.skipIf(skipped('kafka'))('on Kafka', () => {
  const { url, connect, keep } = sharedKafka()

  test('kcat reads what is published here: a CloudEvent in binary mode', { timeout: 30_000 }, async () => {
    const topic = uniqueTopic()
    const driver = await connect()
    const time = new Date('2024-02-29T12:34:56.789Z')
    const headers = { 'content-type': 'application/json', traceparent: 'tp', 'x-own': 'žluť' }
    await driver.publish(topic, [message(topic, '{"a":1}', { id: 'i-1', key: 'k', time, headers })])
    const [seen] = await kcatRead(url(), topic, 1)
    expect(seen).toMatchObject({ topic, offset: 0, key: 'k', payload: '{"a":1}' })
    const pairs = new Map(seen?.headers.map((_, at, all) => [all[at - (at % 2)], all[at - (at % 2) + 1]]))
    expect(Object.fromEntries(pairs)).toEqual({
      ce_specversion: '1.0',
      ce_id: 'i-1',
      ce_source: '/armature',
      ce_type: topic,
      ce_time: '2024-02-29T12:34:56.789Z',
      ce_partitionkey: 'k',
      ce_traceparent: 'tp',
      'content-type': 'application/json',
      'x-own': 'žluť',
    })
  })

  test('partition=N takes all that is published but dead letters, whatever the keys', async () => {
    const topic = uniqueTopic()
    const driver = await connect({ partition: 5 })
    const messages = keys.map((key) => message(topic, 'x', { key }))
    await driver.publish(topic, [...messages, message(topic, 'x')])
    const partitionsIn = async (of: string, count: number) =>
      new Set((await kcatRead(url(), of, count)).map(({ partition }) => partition))
    expect(await partitionsIn(topic, keys.length + 1)).toEqual(new Set([5]))
    await driver.publish(`${topic}.DLT`, messages)
    expect((await partitionsIn(`${topic}.DLT`, keys.length)).size).toBeGreaterThan(1)
  })

  test('partition=N of a topic that has fewer is refused, with nothing sent', async () => {
    const topic = uniqueTopic()
    const driver = await connect({ partition: 8 })
    const publishing = driver.publish(topic, [message(topic, 'x')])
    await expect(publishing).rejects.toMatchObject({ fault: 'bad-topic', retryable: false })
    await expect(publishing).rejects.toThrow(/partition 8 is not there: it has 8/)
    expect(await kcatRead(url(), topic, 1)).toEqual([])
  })

  test('what kcat publishes arrives here: as it is, or as the CloudEvent that it is', { timeout: 30_000 }, async () => {
    const topic = uniqueTopic()
    const driver = await connect()
    const seen = recorder()
    await driver.subscribe(topic, seen.handle)
    await kcatPublish(url(), topic, Buffer.from('plain'), { key: 'k', headers: { 'X-Own': 'v' } })
    const headers = {
      ce_specversion: '1.0',
      ce_id: 'i-2',
      ce_source: '/kcat',
      ce_type: 'made',
      'content-type': 'text/plain',
    }
    await kcatPublish(url(), topic, Buffer.from('event'), { key: 'k', headers })
    await eventually(() => expect(seen.deliveries).toHaveLength(2))
    const [plain, event] = seen.deliveries
    const { partition, offset } = plain?.position ?? {}
    expect(plain).toMatchObject({ id: `${topic}+${partition}+${offset}`, key: 'k', headers: { 'x-own': 'v' } })
    expect(event).toMatchObject({ id: 'i-2', headers: { source: '/kcat', type: 'made', 'content-type': 'text/plain' } })
    expect(seen.deliveries.map(bodyText)).toEqual(['plain', 'event'])
  })

  test('a key goes to the partition that other clients choose for it', { timeout: 60_000 }, async () => {
    const topic = uniqueTopic()
    const driver = await connect({ partitions: 7 })
    await driver.publish(
      topic,
      keys.map((key) => message(topic, 'ours', { key })),
    )
    const producer = new Kafka({ brokers: [hostsOf(url())], logLevel: logLevel.NOTHING }).producer()
    vi.stubEnv('KAFKAJS_NO_PARTITIONER_WARNING', '1')
    await producer.connect()
    await producer.send({ topic, messages: keys.map((key) => ({ key, value: 'theirs' })) })
    await producer.disconnect()
    const all = await kcatRead(url(), topic, 40)
    for (const key of keys) {
      const places = new Set(all.filter((each) => each.key === key).map(({ partition }) => partition))
      expect([...places], key).toHaveLength(1)
    }
    expect(new Set(all.map(({ partition }) => partition)).size).toBeGreaterThan(3)
  })

  test('a topic is made with the partitions of the URL, under a name that Kafka takes', async () => {
    const topic = `${uniqueTopic()}.žluť/1`
    const driver = await connect({ partitions: 3, compression: 'gzip' })
    const seen = recorder()
    await driver.subscribe(topic, seen.handle)
    const messages = numbered(topic, 50, keys)
    await driver.publish(topic, messages)
    await eventually(() => expect(seen.ids().sort()).toEqual(idsOf(messages).sort()))
    expect(seen.deliveries.every((each) => each.topic === topic)).toBe(true)
    const found = await asAdmin(url(), (admin) => admin.fetchTopicMetadata({ topics: [kafkaName(topic)] }))
    expect(found.topics[0]?.partitions).toHaveLength(3)
  })

  test('messages beyond what the topic takes are refused by the broker, and the next ones are held', async () => {
    const topic = uniqueTopic()
    const small = await connect({ maxMessageBytes: 1_000 })
    await small.publish(topic, [message(topic, 'makes the topic with its limit')])
    const driver = await connect()
    const over = driver.publish(topic, [message(topic, Buffer.alloc(200_000), { key: 'k' })])
    await expect(over).rejects.toThrow(PublishError)
    await expect(over).rejects.toMatchObject({ fault: 'too-large', retryable: false })
    const seen = recorder()
    await driver.subscribe(topic, seen.handle)
    const messages = numbered(topic, 20, ['k'])
    await driver.publish(topic, messages)
    await eventually(() => expect(seen.ids()).toEqual(idsOf(messages)))
  })

  test(
    'a message whose publish was given up, held or not, does not pass for the next one',
    { timeout: 30_000 },
    async () => {
      const topic = uniqueTopic()
      const { sockets, cut, deafen } = cuttableSockets()
      const driver = await openKafka(url({ publishWaitMs: 500, partitions: 1 }), {
        warn: () => undefined,
        sockets,
      })
      keep(driver)
      await driver.publish(topic, [message(topic, 'first', { id: 'first' })])
      deafen()
      const unheard = driver.publish(topic, [message(topic, 'unheard', { id: 'unheard' })])
      await expect(unheard).rejects.toMatchObject({ fault: 'unavailable', retryable: true })
      cut()
      // The broker would take it for a repeat if it had the number of the one before.
      await eventually(() => driver.publish(topic, [message(topic, 'next', { id: 'next' })]))
      const seen = recorder()
      await driver.subscribe(topic, seen.handle, { from: 'earliest' })
      await eventually(() => expect(seen.ids()).toEqual(['first', 'unheard', 'next']))
    },
  )

  test('a batch that cannot be decoded stops its partition, says why, and holds up no other', async () => {
    const topic = uniqueTopic()
    const problems: string[] = []
    const driver = keep(await openKafka(url(), { warn: (problem) => problems.push(problem) }))
    const seen = recorder()
    await driver.subscribe(topic, seen.handle)
    const stopped = partitionOf(Buffer.from(elementAt(keys, 0)), 8)
    const producer = new Kafka({ brokers: [hostsOf(url())], logLevel: logLevel.NOTHING }).producer()
    await producer.connect()
    const tooLarge = [{ partition: stopped, value: Buffer.alloc(65 * 1024 * 1024) }]
    await producer.send({ topic, compression: CompressionTypes.GZIP, messages: tooLarge })
    await producer.disconnect()
    const messages = numbered(topic, 100, keys.slice(1))
    await driver.publish(topic, messages)
    const others = messages.filter(({ key = '' }) => partitionOf(Buffer.from(key), 8) !== stopped)
    await eventually(() => expect(seen.ids().sort()).toEqual(idsOf(others).sort()))
    await eventually(() => expect(problems.join()).toContain('compressed by gzip, cannot be decompressed'))
  })

  test('nothing keeps the process alive after close', { timeout: 60_000 }, async () => {
    const topic = uniqueTopic()
    const source = `
      import { openKafka } from ${JSON.stringify(new URL('../src/driver.ts', import.meta.url).href)}
      import { message } from ${JSON.stringify(import.meta.resolve('@armature/messaging/message'))}
      const driver = await openKafka(${JSON.stringify(url())})
      const { promise, resolve } = Promise.withResolvers()
      await driver.subscribe('${topic}', async () => resolve(), { group: '${randomUUID()}' })
      await driver.publish('${topic}', [message('${topic}', 'x')])
      await promise
      await driver.close()
      console.log('closed')
    `
    const program = startProgram(process.execPath, ['--input-type=module-typescript', '--eval', source])
    try {
      await program.until(/closed/)
      expect(await program.ended(3_000)).toEqual({ code: 0, signal: null })
      expect(program.output()).not.toContain('Warning')
    } finally {
      await program.kill()
    }
  })

  test(
    'bug: a close while a subscription was being opened left its connections behind',
    { timeout: 30_000 },
    async () => {
      const made: Socket[] = []
      let isJoining = false
      const driver = await openKafka(url(), {
        sockets: (...args) => {
          const socket = watchRequests(makeSocket(...args), (api) => {
            if (api !== apis.joinGroup) return undefined
            isJoining = true
            return new Promise(() => undefined)
          })
          made.push(socket)
          return socket
        },
      })
      const opening = driver.subscribe(uniqueTopic(), async () => undefined, { group: uniqueTopic() })
      const refused = expect(opening).rejects.toThrow()
      await eventually(() => expect(isJoining).toBe(true))
      await driver.close()
      await refused
      await eventually(() => expect(made.filter((socket) => !socket.destroyed)).toEqual([]))
    },
  )
})
