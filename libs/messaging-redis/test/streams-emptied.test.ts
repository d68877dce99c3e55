import { serverDeadlineMs } from '@armature/servers/fixture'
import { startRedis } from '@armature/servers/redis'
import type { RunningServer } from '@armature/servers/server'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { idsOf, numbered, recorder, uniqueTopic } from '@armature/messaging-kit/conformance-fixture'
import { openRedis } from '../src/driver.ts'
import { openRedisStreams } from '../src/streams-driver.ts'
import type { Driver } from '@armature/messaging/ports'
import { rawRedis, streamsUrl, type RawRedis } from './raw.ts'

vi.setConfig({ testTimeout: 40_000 })

/** It forgets all when it dies. */
let server: RunningServer
let raw: RawRedis
const open: { close(): unknown }[] = []

beforeAll(async () => {
  server = await startRedis({ appendOnly: false })
}, serverDeadlineMs)
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()))
})
afterAll(() => server?.stop())

const connect = async (options = 'claimIdleMs=600'): Promise<Driver> => {
  const driver = await openRedisStreams(streamsUrl(server.url, `appendonly=true&${options}`), { warn: () => undefined })
  open.push(driver)
  return driver
}
const connectRaw = async () => {
  raw = await rawRedis(server.url)
  open.push(raw)
}
const eventually = (assertion: () => void | Promise<void>) => vi.waitFor(assertion, { timeout: 20_000, interval: 10 })

const flush = async () => {
  await connectRaw()
  await raw.send(['FLUSHALL'])
}
const ways: [string, () => Promise<void>][] = [
  ['emptied by FLUSHALL', flush],
  [
    'restarted empty',
    async () => {
      await server.crash()
      await server.restart()
    },
  ],
  [
    'emptied, and as full of topics as before at once',
    async () => {
      const other = await connect()
      await flush()
      for (let at = 0; at < 5; at++) {
        const topic = uniqueTopic()
        await other.publish(topic, numbered(topic, 1))
      }
    },
  ],
]

describe.each(ways)('a server that is %s', (_, empty) => {
  test('bug: wildcards never saw a topic again', async () => {
    const root = uniqueTopic()
    const [publisher, one, two] = [await connect(), await connect(), await connect()]
    const [alone, grouped, plain, plainAlone] = [recorder(), recorder(), recorder(), recorder()]
    await one.subscribe(`${root}.*`, alone.handle)
    await two.subscribe(`${root}.*`, grouped.handle, { group: `g-${root}` })
    await two.subscribe(`${root}.a`, plain.handle, { group: `h-${root}` })
    await one.subscribe(`${root}.a`, plainAlone.handle)
    const all = [alone, grouped, plain, plainAlone]
    const before = numbered(`${root}.a`, 10)
    await publisher.publish(`${root}.a`, before)
    for (const seen of all) await eventually(() => expect(seen.ids()).toEqual(idsOf(before)))
    await empty()
    // At once, of a topic that the publisher made known already; then it is silent.
    const after = numbered(`${root}.a`, 3)
    await publisher.publish(`${root}.a`, after)
    for (const seen of all) await eventually(() => expect(seen.ids()).toEqual(idsOf([...before, ...after])))
    const fresh = numbered(`${root}.b`, 3)
    await publisher.publish(`${root}.b`, fresh)
    for (const seen of [alone, grouped]) {
      await eventually(() => expect(seen.ids()).toEqual(idsOf([...before, ...after, ...fresh])))
    }
  })

  test('keeps what the bound would cut off for those who read slowly', async () => {
    const root = uniqueTopic()
    const topic = `${root}.a`
    const [publisher, one] = [await connect('maxMessages=100&publishWaitMs=300'), await connect()]
    let finish = () => {}
    const open = new Promise<void>((resolve) => (finish = resolve))
    const [alone, grouped] = [recorder(() => open), recorder(() => open)]
    await one.subscribe(`${root}.*`, alone.handle, { maxInFlight: 1 })
    await one.subscribe(`${root}.*`, grouped.handle, { group: `g-${root}`, maxInFlight: 1 })
    await publisher.publish(topic, numbered(topic, 1))
    await eventually(() => expect([alone.unsettled, grouped.unsettled]).toEqual([1, 1]))
    await empty()
    const held = numbered(topic, 10)
    await publisher.publish(topic, held)
    await connectRaw()
    await eventually(async () =>
      expect(await raw.send<unknown[]>(['XINFO', 'GROUPS', `armature:${topic}`])).toHaveLength(2),
    )
    const confirmed = [...held]
    await eventually(async () => {
      const [next] = numbered(topic, 1)
      if (next === undefined) return
      const outcome = publisher.publish(topic, [next]).then(() => void confirmed.push(next))
      await expect(outcome).rejects.toMatchObject({ fault: 'full' })
    })
    finish()
    for (const seen of [alone, grouped]) {
      await eventually(() => expect(new Set(seen.ids())).toEqual(new Set([seen.ids()[0], ...idsOf(confirmed)])))
    }
  })

  test('has one member of a serial group at work again, and the order is kept', async () => {
    const topic = uniqueTopic()
    const group = `g-${topic}`
    const [publisher, one, two] = [await connect(), await connect(), await connect()]
    const order: string[] = []
    const handle = async ({ id }: { id: string }) => {
      await new Promise((resolve) => setImmediate(resolve))
      order.push(id)
    }
    for (const each of [one, two]) await each.subscribe(topic, handle, { group, serial: 'key' })
    await publisher.publish(topic, numbered(topic, 10, ['k']))
    await eventually(() => expect(order).toHaveLength(10))
    await empty()
    const after = numbered(topic, 200, ['k'])
    for (let at = 0; at < 200; at += 20) await publisher.publish(topic, after.slice(at, at + 20))
    await eventually(() => expect([...new Set(order.slice(10))]).toEqual(idsOf(after)))
  })
})

describe('bookkeeping that goes back or is gone', () => {
  test('bug: numbers of topics that begin again hid new topics from wildcards', async () => {
    const root = uniqueTopic()
    const [publisher, one] = [await connect(), await connect()]
    const seen = recorder()
    for (let at = 0; at < 3; at++) await publisher.publish(`${root}.${at}`, numbered(root, 1))
    await one.subscribe(`${root}.*`, seen.handle)
    await connectRaw()
    await raw.send(['DEL', 'armature:.sequence'])
    const fresh = numbered(`${root}.new`, 1)
    await publisher.publish(`${root}.new`, fresh)
    await eventually(() => expect(seen.ids()).toEqual(idsOf(fresh)))
  })

  test('bug: a stream made again with lower ids was never read', async () => {
    const topic = uniqueTopic()
    const driver = await connect()
    const [alone, grouped] = [recorder(), recorder()]
    await driver.subscribe(topic, alone.handle)
    await driver.subscribe(topic, grouped.handle, { group: `g-${topic}` })
    await connectRaw()
    // From a clock that was ahead.
    await raw.send(['XADD', `armature:${topic}`, '99999999999999-0', 'body', 'x'])
    for (const seen of [alone, grouped]) await eventually(() => expect(seen.acked).toHaveLength(1))
    await raw.send(['DEL', `armature:${topic}`])
    const after = numbered(topic, 3)
    await driver.publish(topic, after)
    for (const seen of [alone, grouped]) await eventually(() => expect(seen.ids().slice(1)).toEqual(idsOf(after)))
  })

  test('groups, turns, patterns and scripts that are removed alone come again', async () => {
    const root = uniqueTopic()
    const group = `g-${root}`
    const driver = await connect()
    const seen = recorder()
    await driver.subscribe(`${root}.*`, seen.handle, { group, serial: 'key' })
    const all = numbered(`${root}.a`, 1, ['k'])
    await driver.publish(`${root}.a`, all)
    await eventually(() => expect(seen.acked).toHaveLength(1))
    await connectRaw()
    const removals = [
      ['XGROUP', 'DESTROY', `armature:${root}.a`, group],
      ['DEL', 'armature:.turns'],
      ['DEL', 'armature:.patterns'],
      ['DEL', 'armature:.topics'],
      ['SCRIPT', 'FLUSH'],
    ]
    for (const [at, removal] of removals.entries()) {
      await raw.send(removal)
      for (const topic of [`${root}.a`, `${root}.b${at}`]) {
        const messages = numbered(topic, 2, ['k'])
        all.push(...messages)
        await driver.publish(topic, messages)
      }
      await eventually(() => expect(new Set(seen.ids())).toEqual(new Set(idsOf(all))))
    }
  })
})

test('channels go on over FLUSHALL and over a server that restarts empty', async () => {
  const root = uniqueTopic()
  const driver = await openRedis(server.url, { warn: () => undefined })
  open.push(driver)
  const seen = recorder()
  await driver.subscribe(`${root}.*`, seen.handle)
  for (const [, empty] of ways) {
    const before = seen.acked.length
    await empty()
    await eventually(async () => {
      await driver.publish(`${root}.a`, numbered(root, 1))
      expect(seen.acked.length).toBeGreaterThan(before)
    })
  }
})
