import { randomUUID } from 'node:crypto'
import { serverDeadlineMs, serverUrl } from '@armature/servers/fixture'
import { afterEach, beforeAll, expect, test, vi } from 'vitest'
import { openJetstream } from '../src/jetstream-driver.ts'
import { message } from '@armature/messaging/message'
import type { Delivery, Driver } from '@armature/messaging/ports'
import { cutProxy } from '@armature/servers/cut-proxy'
import { driverUrl } from './fixture.ts'

const ackWait = 'ackWaitMs=500'

let url: string
const open: Driver[] = []

beforeAll(async () => {
  url = await serverUrl('nats')
}, serverDeadlineMs)

afterEach(async () => {
  await Promise.all(open.splice(0).map((driver) => driver.close()))
})

const connect = async (at: string): Promise<Driver> => {
  const driver = await openJetstream(at)
  open.push(driver)
  return driver
}

const eventually = (assertion: () => void) => vi.waitFor(assertion, { timeout: 15_000, interval: 10 })

test(
  'with serial, the order of each key outlives the death of the member whose turn it is',
  { timeout: 30_000 },
  async () => {
    const topic = `turns.${randomUUID()}`
    const proxy = await cutProxy(url)
    const victim = await connect(driverUrl('jetstream', proxy.url, ackWait))
    const heir = await connect(driverUrl('jetstream', url, ackWait))
    const options = { group: 'g', serial: 'key' } as const
    // Holds the first of each key for ever: none of its key may pass it.
    const held: string[] = []
    await victim.subscribe(
      topic,
      ({ id }) => {
        held.push(id)
        return new Promise(() => undefined)
      },
      options,
    )
    const publish = (from: number, to: number) =>
      heir.publish(
        topic,
        Array.from({ length: to - from }, (_, at) =>
          message(topic, '', { id: String(from + at), key: `k${(from + at) % 5}` }),
        ),
      )
    await publish(0, 50)
    await eventually(() => expect(held).toEqual(['0', '1', '2', '3', '4']))
    const seen: Delivery[] = []
    await heir.subscribe(topic, async (delivery) => void seen.push(delivery), options)
    await publish(50, 100)
    expect(seen).toEqual([])
    proxy.cut()
    await publish(100, 150)
    await eventually(() => expect(new Set(seen.map(({ id }) => id)).size).toBe(150))
    expect(held).toHaveLength(5)
    for (const key of ['k0', 'k1', 'k2', 'k3', 'k4']) {
      const numbers = seen.filter((each) => each.key === key).map(({ id }) => Number(id))
      expect(numbers, key).toEqual([...numbers].sort((a, b) => a - b))
    }
  },
)

test('what a closed member had in hand comes again at once, not after ackWaitMs', { timeout: 30_000 }, async () => {
  const topic = `turns.${randomUUID()}`
  const driver = await connect(driverUrl('jetstream', url, 'ackWaitMs=10000'))
  const attempts: number[] = []
  let finish = () => {}
  await driver.subscribe(
    topic,
    ({ attempt }) => {
      attempts.push(attempt)
      return new Promise((resolve) => (finish = resolve))
    },
    { group: 'g' },
  )
  await driver.publish(topic, [message(topic, 'x')])
  await eventually(() => expect(attempts).toEqual([1]))
  await driver.close()
  finish()
  const again: number[] = []
  const next = await connect(driverUrl('jetstream', url, 'ackWaitMs=10000'))
  await next.subscribe(topic, async ({ attempt }) => void again.push(attempt), { group: 'g' })
  await vi.waitFor(() => expect(again).toEqual([2]), { timeout: 5_000, interval: 10 })
})

test(
  'bug: a handler went on unaware while its message was with another, its connection lost',
  { timeout: 30_000 },
  async () => {
    const topic = `turns.${randomUUID()}`
    const proxy = await cutProxy(url)
    const [victim, heir] = [
      await connect(driverUrl('jetstream', proxy.url, ackWait)),
      await connect(driverUrl('jetstream', url, ackWait)),
    ]
    const inHand: Delivery[] = []
    await victim.subscribe(topic, (delivery) => (inHand.push(delivery), new Promise(() => undefined)), { group: 'g' })
    await heir.publish(topic, [message(topic, 'x', { id: '1' }), message(topic, 'x', { id: '2' })])
    await eventually(() => expect(inHand.map(({ id }) => id)).toEqual(['1', '2']))
    const seen: Delivery[] = []
    await heir.subscribe(topic, async (delivery) => void seen.push(delivery), { group: 'g' })
    const { signal } = inHand[0] as Delivery
    expect(signal.aborted).toBe(false)
    proxy.cut()
    await eventually(() => expect(seen.map(({ attempt }) => attempt)).toEqual([2, 2]))
    await eventually(() => expect(inHand.every((each) => each.signal.aborted)).toBe(true))
  },
)
