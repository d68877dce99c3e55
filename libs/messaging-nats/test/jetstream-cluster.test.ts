import { randomUUID } from 'node:crypto'
import type { RunningCluster } from '@armature/servers/cluster'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { startNats } from '@armature/servers/nats'
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream'
import { connect as connectRaw, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { openJetstream } from '../src/jetstream-driver.ts'
import { message } from '@armature/messaging/message'
import type { Driver, SubscribeOptions } from '@armature/messaging/ports'
import { ledger, writeAll } from '@armature/messaging-kit/loss-ledger'

const timeout = 120_000
const settleMs = 60_000

let cluster: RunningCluster
let raw: NatsConnection
let jsm: JetStreamManager
const open: Driver[] = []

beforeAll(async () => {
  cluster = await startNats({ nodes: 3 })
  raw = await connectRaw({ servers: hosts(), maxReconnectAttempts: -1, reconnectTimeWait: 100 })
  jsm = await jetstreamManager(raw, { timeout: 20_000 })
}, serverDeadlineMs)

afterEach(async () => {
  await Promise.all(open.splice(0).map((driver) => driver.close()))
})

afterAll(async () => {
  await raw?.close()
  await cluster?.stop()
})

const hosts = () => cluster.nodes.map(({ host, port }) => `${host}:${port}`)

const connect = async (): Promise<Driver> => {
  const driver = await openJetstream(`${cluster.url.replace('nats:', 'jetstream:')}?replicas=3&ackWaitMs=3000`, {
    warn: () => undefined,
  })
  open.push(driver)
  return driver
}

const eventually = (assertion: () => void | Promise<void>) => vi.waitFor(assertion, { timeout: settleMs, interval: 20 })

/** The node of this name, as in `server_name`. */
const node = (name: string | undefined) => {
  const found = cluster.nodes[Number(name?.split('-')[1]) - 1]
  if (found === undefined) throw new Error(`no node is named ${name}`)
  return found
}

const streamLeader = async (stream: string) => {
  let name: string | undefined
  await eventually(async () => {
    name = (await jsm.streams.info(stream)).cluster?.leader
    expect(name).toMatch(/^node-/)
  })
  return node(name)
}

const consumerLeader = async (stream: string) => {
  const [consumer] = await jsm.consumers.list(stream).next()
  return node(consumer?.cluster?.leader)
}

const consumersInWords = async (stream: string): Promise<string> =>
  JSON.stringify(await jsm.consumers.list(stream).next())

/** A server that elects a leader at that time answers nothing. */
const stepDown = (stream: string) =>
  eventually(async () => {
    await raw.request(`$JS.API.STREAM.LEADER.STEPDOWN.${stream}`, '', { timeout: 2_000 })
  })

/** The faults of the cluster in the middle of the messages. It is whole again when a fault resolves. */
const faults: [string, (stream: string) => Promise<unknown>][] = [
  [
    'the leader of the stream is killed',
    async (stream) => {
      const leader = await streamLeader(stream)
      await leader.crash()
      await leader.restart()
    },
  ],
  [
    'the leader of the stream is moved, three times',
    async (stream) => {
      for (let times = 0; times < 3; times++) {
        await stepDown(stream)
        await streamLeader(stream)
      }
    },
  ],
  [
    'the leader of the consumer is killed',
    async (stream) => {
      const leader = await consumerLeader(stream)
      await leader.crash()
      await leader.restart()
    },
  ],
  [
    'one node stands still',
    async (stream) => {
      const leader = await streamLeader(stream)
      const other = cluster.nodes.find((each) => each !== leader)
      const witness = await connectRaw({ servers: `127.0.0.1:${other?.port}` })
      const manager = await jetstreamManager(witness)
      leader.suspend()
      // The others choose a leader among them.
      await eventually(async () => {
        const { cluster: members } = await manager.streams.info(stream)
        expect(node(members?.leader)).not.toBe(leader)
      })
      await witness.close()
      leader.resume()
    },
  ],
  [
    'each node in turn is started again',
    async () => {
      for (const each of cluster.nodes) await each.restart()
    },
  ],
]

const keys = 10

/** Whether behind each first arrival of a number there come, at some time, all that follow it: order up to repeats. */
const isInOrder = (numbers: readonly number[]): boolean => {
  const last = Math.max(...numbers)
  let next = last
  for (let at = numbers.length - 1; at >= 0; at--) if (numbers[at] === next) next--
  return next < 0 || next < Math.min(...numbers)
}

describe.each(faults)('while %s', (_, fault) => {
  test('nothing is lost, and each key keeps its order', { timeout }, async () => {
    const count = 3_000
    const token = `cluster-${randomUUID()}`
    const topic = `${token}.x`
    const [publisher, one, two, alone] = [await connect(), await connect(), await connect(), await connect()]
    const book = ledger()
    const group: { key: string; number: number }[] = []
    const whole: string[] = []
    const serial: SubscribeOptions = { group: 'g', serial: 'key', maxInFlight: 50 }
    for (const member of [one, two]) {
      await member.subscribe(
        topic,
        async ({ id, key = '' }) => {
          book.stored(id)
          group.push({ key, number: Number(id) })
        },
        serial,
      )
    }
    await alone.subscribe(topic, async ({ id }) => void whole.push(id), { from: 'latest' })
    let broken: Promise<unknown> | undefined
    const onProgress = (settled: number) => {
      if (settled >= count / 4) broken ??= fault(token)
    }
    await writeAll(publisher, book, {
      topic,
      count,
      batch: 10,
      concurrent: 1,
      message: (number) => message(topic, '', { id: String(number), key: `k${number % keys}` }),
      onProgress,
    })
    await broken
    await eventually(() => {
      const { lost, counts } = book.result()
      expect({ lost, sink: counts.sink, whole: new Set(whole).size }).toEqual({ lost: [], sink: count, whole: count })
    }).catch(async (error: unknown) => {
      throw new Error(`The server says of the consumers: ${await consumersInWords(token)}`, { cause: error })
    })
    for (let key = 0; key < keys; key++) {
      const numbers = group.filter((each) => each.key === `k${key}`).map(({ number }) => Math.floor(number / keys))
      expect(isInOrder(numbers), `k${key}: ${numbers.join(' ')}`).toBe(true)
    }
    const held = whole.map(Number)
    expect(isInOrder(held), held.join(' ')).toBe(true)
  })
})

describe('a subscriber without a group, from latest', () => {
  test('bug: got the whole stream after one failed request', { timeout }, async () => {
    const token = `latest-${randomUUID()}`
    const topic = `${token}.x`
    const driver = await connect()
    const numbered = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, at) => message(topic, '', { id: String(from + at) }))
    await driver.publish(topic, numbered(0, 100))
    const seen: number[] = []
    await driver.subscribe(topic, async ({ id }) => void seen.push(Number(id)), { from: 'latest' })
    await driver.publish(topic, numbered(100, 110))
    await eventually(() => expect(seen).toHaveLength(10))
    // The only node of its consumer is gone, and the stream has no leader for a while.
    const leader = await consumerLeader(token)
    await leader.crash()
    await stepDown(token).catch(() => undefined)
    await driver.publish(topic, numbered(110, 120))
    await eventually(() => expect(new Set(seen).size).toBe(20))
    await leader.restart()
    await driver.publish(topic, numbered(120, 130))
    await eventually(() => expect(new Set(seen).size).toBe(30))
    expect(Math.min(...seen)).toBe(100)
  })
})
