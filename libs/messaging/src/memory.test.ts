import { describe, expect, test } from 'vitest'
import { drivenClock } from './clock.ts'
import { memoryBroker } from './memory.ts'
import type { MemoryOptions } from './memory-options.ts'
import { message, type MessageOptions } from './message.ts'
import type { Delivery, Driver, Handler } from './ports.ts'

const fixture = (options: MemoryOptions = {}) => {
  const clock = drivenClock(1_000_000)
  const broker = memoryBroker({ clock, ...options })
  return { clock, broker, client: broker.connect() }
}

/** Publishes one message for each id. */
const publishIds = (client: Driver, ids: readonly string[], options: MessageOptions = {}) =>
  client.publish(
    't',
    ids.map((id) => message('t', id, { id, ...options })),
  )

const range = (count: number, prefix = '') => Array.from({ length: count }, (_, index) => `${prefix}${index}`)

/** Handlers that hang until they are told how to settle, oldest first. */
const hanging = () => {
  const open: { delivery: Delivery; ack: () => void; reject: () => void }[] = []
  const handle: Handler = (delivery) =>
    new Promise((resolve, reject) => open.push({ delivery, ack: resolve, reject: () => reject(new Error('no')) }))
  return { open, handle, ids: () => open.map(({ delivery }) => delivery.id) }
}

describe('publishing', () => {
  test('calls no handler before publish returns, nor before it resolves', async () => {
    const { client } = fixture()
    const seen: string[] = []
    await client.subscribe('t', async ({ id }) => void seen.push(id))
    const publishing = publishIds(client, ['a'])
    expect(seen).toEqual([])
    await publishing
    expect(seen).toEqual([])
    await expect.poll(() => seen).toEqual(['a'])
  })

  test('keeps a copy: what the publisher does to its message afterwards changes nothing', async () => {
    const { client, clock } = fixture()
    const body = Buffer.from('before')
    const headers: Record<string, string> = { name: 'before' }
    const { handle, open } = hanging()
    await client.subscribe('t', handle)
    await client.publish('t', [message('t', body, { headers })])
    body.fill('x')
    headers.name = 'after'
    await clock.advance(0)
    expect(Buffer.from(open[0]!.delivery.body).toString()).toBe('before')
    expect(open[0]!.delivery.headers).toEqual({ name: 'before' })
  })

  test('keeps a header called __proto__ as a header', async () => {
    const { client, clock } = fixture()
    const { handle, open } = hanging()
    await client.subscribe('t', handle)
    const headers = JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>
    await client.publish('t', [message('t', '', { headers })])
    await clock.advance(0)
    const kept = open[0]!.delivery.headers
    expect(Object.entries(kept)).toEqual(Object.entries(headers))
    expect(Object.getPrototypeOf(kept)).toBe(Object.prototype)
  })

  test('puts a key into one partition, and messages without a key into each in turn', async () => {
    const { client, clock } = fixture({ partitions: 4 })
    const { handle, open } = hanging()
    await client.subscribe('t', handle)
    await publishIds(client, range(8))
    await publishIds(client, range(8, 'k'), { key: 'same' })
    await clock.advance(0)
    const partitions = (keyed: boolean) =>
      open
        .filter(({ delivery }) => (delivery.key !== undefined) === keyed)
        .map(({ delivery }) => delivery.position?.partition)
    expect(partitions(false).sort()).toEqual([0, 0, 1, 1, 2, 2, 3, 3])
    expect(new Set(partitions(true)).size).toBe(1)
  })

  test('spreads keys over the partitions', async () => {
    const { client, clock } = fixture({ partitions: 8 })
    const counts = new Map<number, number>()
    await client.subscribe('t', async ({ position }) => {
      counts.set(position!.partition, (counts.get(position!.partition) ?? 0) + 1)
    })
    for (let each = 0; each < 800; each++) await publishIds(client, [`${each}`], { key: `user-${each}` })
    await clock.advance(0)
    expect(Math.min(...counts.values())).toBeGreaterThan(60)
    expect(Math.max(...counts.values())).toBeLessThan(140)
  })

  const rejected: [string, Parameters<typeof message>, MemoryOptions, string][] = [
    [
      'a body over the limit',
      ['t', 'four', { id: 'm' }],
      { maxMessageBytes: 3 },
      'message m has 4 bytes, the limit is 3',
    ],
    [
      'headers over the limit',
      ['t', '', { id: 'm', headers: { ab: 'cd' } }],
      { maxHeaderChars: 3 },
      'have 4 characters',
    ],
    ['no id', ['t', '', { id: '' }], {}, 'no id'],
    ['a body that is no bytes', ['t', [1] as unknown as string], {}, 'not a Uint8Array'],
  ]
  test.each(rejected)(
    'refuses a message with %s, and stores nothing of its publish',
    async (_, parts, options, problem) => {
      const { client, broker } = fixture(options)
      await expect(client.publish('t', [message('t', ''), message(...parts)])).rejects.toThrow(problem)
      expect(broker.books()).toMatchObject({ published: 0, refused: 1 })
    },
  )

  test('keeps no more topics than allowed', async () => {
    const { client } = fixture({ maxTopics: 2 })
    for (const topic of ['a', 'b', 'a']) await client.publish(topic, [message(topic, '')])
    await expect(client.publish('c', [message('c', '')])).rejects.toMatchObject({ fault: 'full' })
  })

  test('a publisher that only awaits its publishes does not starve timers and sockets', async () => {
    const { client } = fixture()
    let turns = 0
    let publishing = true
    const count = () => {
      turns++
      if (publishing) setImmediate(count)
    }
    setImmediate(count)
    for (let each = 0; each < 10_000; each++) await publishIds(client, [`${each}`])
    publishing = false
    expect(turns).toBeGreaterThan(5)
  })

  test('a handler that publishes for ever does not starve timers and sockets', async () => {
    const { client } = fixture({ maxPartitionMessages: 10 })
    const subscription = await client.subscribe('t', () => publishIds(client, ['again']))
    await publishIds(client, ['first'])
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
    await subscription.close()
  })
})

describe('bounds of a partition', () => {
  const bounds = { partitions: 1, maxPartitionMessages: 3, publishWaitMs: 1_000 }

  test('without subscribers the oldest messages make room', async () => {
    const { client, broker, clock } = fixture(bounds)
    await publishIds(client, range(10))
    expect(broker.books()).toMatchObject({ published: 10, trimmed: 7 })
    const seen: string[] = []
    await client.subscribe('t', async ({ id }) => void seen.push(id), { from: 'earliest' })
    await clock.advance(0)
    expect(seen).toEqual(['7', '8', '9'])
  })

  test('the same in bytes', async () => {
    const { client, broker } = fixture({ partitions: 1, maxPartitionBytes: 10, maxMessageBytes: 10 })
    for (const body of ['aaaa', 'bbbb', 'cccc', 'dddddddddd']) await client.publish('t', [message('t', body)])
    expect(broker.books()).toMatchObject({ published: 4, trimmed: 3 })
  })

  test('what a group has not settled makes no room: publish waits for it, in order', async () => {
    const { client, broker, clock } = fixture(bounds)
    const { handle, open, ids } = hanging()
    await client.subscribe('t', handle, { group: 'g' })
    const resolved: string[] = []
    const first = publishIds(client, range(5, 'a')).then(() => resolved.push('first'))
    const second = publishIds(client, range(1, 'b')).then(() => resolved.push('second'))
    await clock.advance(500)
    expect(ids()).toEqual(['a0', 'a1', 'a2'])
    expect(resolved).toEqual([])
    open[0]!.ack()
    open[1]!.ack()
    await clock.advance(0)
    expect(resolved).toEqual(['first'])
    open[2]!.ack()
    await Promise.all([first, second])
    await clock.advance(0)
    expect(ids()).toEqual(['a0', 'a1', 'a2', 'a3', 'a4', 'b0'])
    expect(broker.books()).toMatchObject({ published: 6, trimmed: 3, refused: 0 })
  })

  test('a message settled out of turn makes no room before the older ones', async () => {
    const { client, clock, broker } = fixture(bounds)
    const { handle, open } = hanging()
    await client.subscribe('t', handle, { group: 'g' })
    const publishing = publishIds(client, range(4))
    await clock.advance(0)
    open[1]!.ack()
    open[2]!.ack()
    await clock.advance(0)
    expect(broker.books().published).toBe(3)
    open[0]!.ack()
    await publishing
    expect(broker.books().published).toBe(4)
  })

  test('a publish does not pass one that waits, also where there is room for it', async () => {
    const { client, clock } = fixture({ ...bounds, partitions: 2 })
    const { handle, open, ids } = hanging()
    await client.subscribe('t', handle, { group: 'g' })
    const busy = 'key-0'
    const idle = 'key-1'
    await publishIds(client, range(3), { key: busy })
    const both = [message('t', '', { id: 'waits', key: busy }), message('t', '', { id: 'i0', key: idle })]
    const publishing = [client.publish('t', both), publishIds(client, ['i1'], { key: idle })]
    await clock.advance(0)
    expect(new Set(open.map(({ delivery }) => delivery.key))).toEqual(new Set([busy]))
    for (const { ack } of open) ack()
    await Promise.all(publishing)
    await clock.advance(0)
    expect(ids().filter((id) => id.startsWith('i'))).toEqual(['i0', 'i1'])
    const partitions = new Map(open.map(({ delivery }) => [delivery.key, delivery.position?.partition]))
    expect(partitions.get(busy)).not.toBe(partitions.get(idle))
  })

  test('publish is rejected when it has waited too long, and says who holds it up', async () => {
    const { client, broker, clock } = fixture(bounds)
    await client.subscribe('t', hanging().handle, { group: 'slow' })
    const publishing = publishIds(client, range(5))
    const outcome = expect(publishing).rejects.toMatchObject({
      fault: 'full',
      retryable: true,
      message: expect.stringMatching(
        /no room for 2 of 5 messages within 1000 ms: partition 0 keeps 3 messages .* group "slow" has yet to settle offset 0/,
      ),
    })
    await clock.advance(1_000)
    await outcome
    expect(broker.books()).toMatchObject({ published: 3, refused: 1 })
  })

  test('publish is rejected at once where it may not wait', async () => {
    const { client } = fixture({ ...bounds, publishWaitMs: 0 })
    await client.subscribe('t', hanging().handle)
    await expect(publishIds(client, range(4))).rejects.toThrow('a subscriber without a group has yet to settle')
  })

  test('no more wait than a partition keeps', async () => {
    const { client, clock } = fixture(bounds)
    const { handle, open } = hanging()
    await client.subscribe('t', handle)
    await publishIds(client, range(3))
    const waiting = range(3, 'w').map((id) => publishIds(client, [id]))
    await expect(publishIds(client, ['over'])).rejects.toThrow('behind the 3 that wait already')
    await clock.advance(0)
    for (const each of open.splice(0)) each.ack()
    await Promise.all(waiting)
  })

  test('a subscriber that goes away no longer holds messages; a group does, until it is deleted', async () => {
    const { client, broker, clock } = fixture(bounds)
    const ephemeral = await client.subscribe('t', hanging().handle)
    const durable = await client.subscribe('t', hanging().handle, { group: 'g' })
    const publishing = publishIds(client, range(4))
    await clock.advance(0)
    await ephemeral.stop()
    await durable.close()
    await clock.advance(0)
    expect(broker.books().published).toBe(3)
    expect(broker.deleteGroup('g')).toBe(true)
    await publishing
    expect(broker.deleteGroup('g')).toBe(false)
  })

  test('a group with members cannot be deleted', async () => {
    const { client, broker } = fixture()
    await client.subscribe('t', async () => undefined, { group: 'g' })
    expect(() => broker.deleteGroup('g')).toThrow('has 1 members')
  })
})

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

test('the books balance also while a subscriber without a group that was stopped still works', async () => {
  const { client, broker, clock } = fixture()
  const { handle, open } = hanging()
  const subscription = await client.subscribe('t', handle, { serial: 'key' })
  await publishIds(client, range(3), { key: 'k' })
  await publishIds(client, range(3))
  await clock.advance(0)
  await subscription.stop()
  expect(broker.books()).toMatchObject({ delivered: 4, inFlight: 4 })
  open[0]!.ack()
  open[1]!.reject()
  await clock.advance(1_000)
  await subscription.close()
  expect(broker.books()).toMatchObject({ delivered: 4, acked: 1, rejected: 1, returned: 2, inFlight: 0 })
  expect(open).toHaveLength(4)
})

describe('where a group starts', () => {
  test('an offset in every partition; one cut off means the oldest kept, one to come is waited for', async () => {
    const { client, clock } = fixture({ partitions: 1, maxPartitionMessages: 4 })
    await publishIds(client, range(6))
    const seen: Record<string, string[]> = { cut: [], kept: [], ahead: [] }
    for (const [name, offset] of Object.entries({ cut: 0, kept: 4, ahead: 7 })) {
      await client.subscribe('t', async ({ id }) => void seen[name]!.push(id), { from: { offset } })
    }
    await publishIds(client, ['6', '7', '8'])
    await clock.advance(0)
    expect(seen).toEqual({
      cut: ['2', '3', '4', '5', '6', '7', '8'],
      kept: ['4', '5', '6', '7', '8'],
      ahead: ['7', '8'],
    })
  })

  test('a time', async () => {
    const { client, clock } = fixture({ partitions: 1 })
    for (const id of ['a', 'b', 'c']) {
      await publishIds(client, [id])
      await clock.advance(10)
    }
    const seen: string[] = []
    await client.subscribe('t', async ({ id }) => void seen.push(id), { from: { time: new Date(1_000_010) } })
    await clock.advance(0)
    expect(seen).toEqual(['b', 'c'])
  })

  test('all of a topic that did not exist yet is new, also while no member of the group is there', async () => {
    const { client, clock } = fixture()
    const subscription = await client.subscribe('logs.*', async () => undefined, { group: 'g' })
    await subscription.close()
    await client.publish('logs.new', [message('logs.new', '', { id: 'a' })])
    const seen: string[] = []
    await client.subscribe('logs.*', async ({ id }) => void seen.push(id), { group: 'g' })
    await clock.advance(0)
    expect(seen).toEqual(['a'])
  })

  const rejected: [string, object][] = [
    ['from.offset', { from: { offset: -1 } }],
    ['from is none of', { from: { time: new Date(Number.NaN) } }],
    ['from is none of', { from: 'newest' }],
    ['group', { group: '' }],
    ['serial', { serial: 'topic' }],
  ]
  test.each(rejected)('refuses a bad option: %s', async (problem, options) => {
    const { client } = fixture()
    await expect(client.subscribe('t', async () => undefined, options)).rejects.toThrow(problem)
  })
})

describe('connections', () => {
  test('close lets publishes that wait finish first', async () => {
    const { broker, client, clock } = fixture({ partitions: 1, maxPartitionMessages: 1 })
    const { handle, open } = hanging()
    await broker.connect().subscribe('t', handle)
    const publishing = publishIds(client, ['a', 'b'])
    let closed = false
    const closing = client.close().then(() => (closed = true))
    await clock.advance(10)
    expect(closed).toBe(false)
    open[0]!.ack()
    await publishing
    await closing
  })

  test('after a kill nothing is published, delivered or settled by it any more', async () => {
    const { broker, client, clock } = fixture({ partitions: 1, maxPartitionMessages: 2 })
    const [victim, heir] = [hanging(), hanging()]
    await client.subscribe('t', victim.handle, { group: 'g' })
    const publishing = publishIds(client, ['a', 'b', 'c'])
    const unknown = expect(publishing).rejects.toMatchObject({ fault: 'unavailable', retryable: true })
    await clock.advance(0)
    client.kill()
    client.kill()
    await expect(publishIds(client, ['d'])).rejects.toMatchObject({ fault: 'closed' })
    await broker.connect().subscribe('t', heir.handle, { group: 'g' })
    await clock.advance(0)
    for (const { ack } of victim.open) ack()
    await clock.advance(0)
    expect(heir.ids()).toEqual(['a', 'b'])
    expect(broker.books()).toMatchObject({ fenced: 2, acked: 0, returned: 2 })
    for (const { ack } of heir.open) ack()
    await unknown
  })

  test('limits out of range are refused by name', () => {
    expect(() => memoryBroker({ partitions: 0 })).toThrow('partitions is 0: give a whole number, 1 or more')
    expect(() => memoryBroker({ publishWaitMs: -1 })).toThrow('publishWaitMs')
    expect(() => memoryBroker({ maxMessageBytes: 9, maxPartitionBytes: 8 })).toThrow('no partition could hold it')
  })

  test('many handlers may listen for the end of one subscription', async () => {
    const { client, clock } = fixture()
    const warnings: Error[] = []
    const warn = (warning: Error) => void warnings.push(warning)
    process.on('warning', warn)
    let aborted = 0
    const subscription = await client.subscribe('t', ({ signal }) => {
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          aborted++
          reject(signal.reason as Error)
        })
      })
    })
    await publishIds(client, range(100))
    await clock.advance(0)
    await subscription.close()
    await clock.advance(0)
    process.off('warning', warn)
    expect(aborted).toBe(100)
    expect(warnings).toEqual([])
  })
})
