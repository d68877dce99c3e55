import { describe, expect, test } from 'vitest'
import { fixture, hanging, publishIds, range } from '../test/fixture.ts'
import type { MemoryOptions } from './settings.ts'
import { message } from '@armature/messaging/message'

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
