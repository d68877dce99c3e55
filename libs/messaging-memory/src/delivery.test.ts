import { describe, expect, test } from 'vitest'
import { fixture, hanging, publishIds, range } from '../test/fixture.ts'
import { message } from '@armature/messaging/message'
import type { Driver, Handler } from '@armature/messaging/ports'

describe('scheduling', () => {
  const orderOf = async (seed: number) => {
    const { client, clock } = fixture({ seed })
    const seen: string[] = []
    await client.subscribe('t', async ({ id }) => void seen.push(`one ${id}`))
    await client.subscribe('t', async ({ id }) => void seen.push(`two ${id}`))
    for (const key of range(10, 'key')) await publishIds(client, range(20, `${key}-`), { key })
    await clock.advance(0)
    return seen
  }

  test('a message too large for the room in bytes is next, whatever smaller ones other partitions have', async () => {
    const { client, clock } = fixture({ partitions: 8 })
    const { handle, open } = hanging()
    const subscription = await client.subscribe('t', handle, { maxInFlightBytes: 100 })
    await client.publish('t', [message('t', 'x'.repeat(100), { key: 'large', id: 'large' })])
    const small = range(700).map((id) => message('t', 'x'.repeat(10), { id, key: `key-${id}` }))
    await client.publish('t', small)
    await clock.advance(0)
    const overtaking: string[] = []
    let waits = false
    // Settles one at a time. From the first that nothing takes the place of, the large message waits for room.
    for (let newest = open.at(-1); newest?.delivery.id !== 'large'; newest = open.at(-1)) {
      if (newest === undefined) throw new Error('nothing is in flight')
      open.shift()?.ack()
      await clock.advance(0)
      const next = open.at(-1)
      if (next === newest || next === undefined) waits = true
      else if (waits && next.delivery.id !== 'large') overtaking.push(next.delivery.id)
    }
    expect(waits).toBe(true)
    expect(overtaking).toEqual([])
    expect(subscription.inFlight).toBe(1)
  })

  test('a seed interleaves partitions and members always the same way, another seed otherwise', async () => {
    const [one, again, other] = [await orderOf(1), await orderOf(1), await orderOf(2)]
    expect(again).toEqual(one)
    expect(other).not.toEqual(one)
    expect(other.toSorted()).toEqual(one.toSorted())
  })
})

describe('redelivery', () => {
  test('waits the delay, keeps counting attempts, and lets the others pass', async () => {
    const { client, clock, broker } = fixture({ partitions: 1 })
    const seen: string[] = []
    await client.subscribe(
      't',
      async ({ id, attempt }) => {
        seen.push(`${id}:${attempt}@${clock.now() - 1_000_000}`)
        if (id === 'a' && attempt < 3) throw new Error('again')
      },
      { group: 'g' },
    )
    await publishIds(client, ['a', 'b'], { key: 'k' })
    await clock.advance(500)
    expect(seen).toEqual(['a:1@0', 'b:1@0', 'a:2@100', 'a:3@200'])
    expect(broker.books()).toMatchObject({ delivered: 4, rejected: 2, acked: 2, inFlight: 0 })
  })

  test('serial: what follows of the key waits, other keys of the partition do not', async () => {
    const { client, clock } = fixture({ partitions: 1 })
    const seen: string[] = []
    const handle: Handler = async ({ id, attempt }) => {
      seen.push(`${id}:${attempt}`)
      if (id === 'a0' && attempt === 1) throw new Error('again')
    }
    await client.subscribe('t', handle, { group: 'g', serial: 'key' })
    await publishIds(client, ['a0', 'a1', 'a2'], { key: 'a' })
    await publishIds(client, ['b0'], { key: 'b' })
    await publishIds(client, ['none'])
    await clock.advance(0)
    expect(seen).toEqual(['a0:1', 'b0:1', 'none:1'])
    await clock.advance(100)
    expect(seen.slice(3)).toEqual(['a0:2', 'a1:1', 'a2:1'])
  })

  test('serial: a key whose messages hang holds no more behind it than maxInFlight', async () => {
    const { client, clock } = fixture({ partitions: 1 })
    const { handle, open, ids } = hanging()
    await client.subscribe('t', handle, { group: 'g', serial: 'key', maxInFlight: 3 })
    await publishIds(client, range(4, 'a'), { key: 'a' })
    await publishIds(client, ['b0'], { key: 'b' })
    await publishIds(client, range(4, 'c'), { key: 'a' })
    await publishIds(client, ['b1'], { key: 'b' })
    await clock.advance(0)
    expect(ids()).toEqual(['a0'])
    open[0]!.ack()
    await clock.advance(0)
    expect(ids()).toEqual(['a0', 'a1', 'b0'])
  })

  test('what a closed member had unsettled comes at once, in order, before what is new', async () => {
    const { client, broker, clock } = fixture({ partitions: 1 })
    const first = hanging()
    const subscription = await client.subscribe('t', first.handle, { group: 'g', maxInFlight: 4 })
    await publishIds(client, range(6))
    await clock.advance(0)
    first.open[1]!.ack()
    await clock.advance(0)
    const second = hanging()
    await broker.connect().subscribe('t', second.handle, { group: 'g' })
    await subscription.close()
    await clock.advance(0)
    expect(second.open.map(({ delivery }) => `${delivery.id}:${delivery.attempt}`)).toEqual([
      '0:2',
      '2:2',
      '3:2',
      '4:2',
      '5:1',
    ])
    expect(broker.books()).toMatchObject({ delivered: 10, acked: 1, returned: 4, inFlight: 5 })
  })

  test('a rejected message keeps its delay and its turn when its member leaves meanwhile', async () => {
    const { client, clock } = fixture({ partitions: 1 })
    const seen: string[] = []
    const subscribe = (handle: Handler) =>
      client.subscribe('t', handle, { group: 'g', serial: 'key', redeliveryDelayMs: 100 })
    const first = await subscribe(() => Promise.reject(new Error('no')))
    await publishIds(client, ['a0', 'a1'], { key: 'a' })
    await clock.advance(50)
    await first.close()
    await subscribe(async ({ id, attempt }) => void seen.push(`${id}:${attempt}`))
    await clock.advance(49)
    expect(seen).toEqual([])
    await clock.advance(1)
    expect(seen).toEqual(['a0:2', 'a1:1'])
  })
})

describe('rebalance', () => {
  const subscribe = (driver: Driver, handle: Handler) => driver.subscribe('t', handle, { group: 'g' })

  test('a partition moves when its old owner has settled what it holds; until then nothing new of it comes', async () => {
    const { client, broker, clock } = fixture({ partitions: 2 })
    const [one, two] = [hanging(), hanging()]
    await subscribe(client, one.handle)
    await publishIds(client, range(4))
    await clock.advance(0)
    expect(one.open).toHaveLength(4)
    await subscribe(broker.connect(), two.handle)
    await publishIds(client, range(4, 'new'))
    await clock.advance(0)
    expect(one.open).toHaveLength(6)
    expect(two.open).toHaveLength(0)
    for (const { ack } of one.open) ack()
    await clock.advance(0)
    expect(two.ids()).toHaveLength(2)
    const [mine, theirs] = [one, two].map(
      ({ open }) => new Set(open.slice(-2).map(({ delivery }) => delivery.position?.partition)),
    )
    expect(mine).not.toEqual(theirs)
    expect(broker.books().fenced).toBe(0)
  })

  test('an owner that does not settle in time loses the partition; what it says later counts for nothing', async () => {
    const { client, broker, clock } = fixture({ partitions: 2, rebalanceTimeoutMs: 500 })
    const [one, two] = [hanging(), hanging()]
    const subscription = await subscribe(client, one.handle)
    await publishIds(client, range(4))
    await clock.advance(0)
    await subscribe(broker.connect(), two.handle)
    await clock.advance(499)
    expect(two.open).toHaveLength(0)
    expect(subscription.inFlight).toBe(4)
    await clock.advance(1)
    expect(two.open.map(({ delivery }) => delivery.attempt)).toEqual([2, 2])
    expect(subscription.inFlight).toBe(2)
    for (const { ack } of one.open) ack()
    await clock.advance(0)
    expect(broker.books()).toMatchObject({ acked: 2, fenced: 2, returned: 2, inFlight: 2 })
  })

  test('a partition stays where it is when the newcomer leaves before it has moved', async () => {
    const { client, broker, clock } = fixture({ partitions: 2, rebalanceTimeoutMs: 500 })
    const one = hanging()
    await subscribe(client, one.handle)
    await publishIds(client, range(2))
    await clock.advance(0)
    const newcomer = await subscribe(broker.connect(), hanging().handle)
    await newcomer.close()
    await publishIds(client, range(2, 'new'))
    await clock.advance(1_000)
    expect(one.open).toHaveLength(4)
    expect(broker.books().returned).toBe(0)
  })

  test('more members than partitions: the others wait for one to leave', async () => {
    const { client, broker, clock } = fixture({ partitions: 1 })
    const [one, two] = [hanging(), hanging()]
    const subscription = await subscribe(client, one.handle)
    await subscribe(broker.connect(), two.handle)
    await publishIds(client, ['a'])
    await clock.advance(0)
    expect([one.ids(), two.ids()]).toEqual([['a'], []])
    await subscription.close()
    await clock.advance(0)
    expect(two.ids()).toEqual(['a'])
  })

  test('members with different patterns share the topics that both read', async () => {
    const { client, clock } = fixture({ partitions: 4 })
    const topics = { wide: new Set<string>(), narrow: new Set<string>() }
    await client.subscribe('logs.*', async ({ topic }) => void topics.wide.add(topic), { group: 'g' })
    await client.subscribe('logs.a', async ({ topic }) => void topics.narrow.add(topic), { group: 'g' })
    for (const topic of ['logs.a', 'logs.b']) {
      await client.publish(
        topic,
        range(8).map((id) => message(topic, '', { id })),
      )
    }
    await clock.advance(0)
    expect([...topics.wide].sort()).toEqual(['logs.a', 'logs.b'])
    expect([...topics.narrow]).toEqual(['logs.a'])
  })
})
