import { describe, expect, test } from 'vitest'
import { drain, idsOf, numbered, recorder, uniqueTopic } from '@armature/messaging-kit/conformance-fixture'
import { message } from '@armature/messaging/message'
import { openRedisStreams } from '../src/streams-driver.ts'
import { cutProxy } from '@armature/servers/cut-proxy'
import { redisFixture } from './fixture.ts'
import { streamsUrl } from './raw.ts'

const fixture = redisFixture()
const { connect, rawClient, eventually } = fixture

describe('order', () => {
  test('without a group, and in a group of one, a topic arrives in the order of publishing', async () => {
    const topic = uniqueTopic()
    const driver = await connect()
    const [alone, only] = [recorder(), recorder()]
    await driver.subscribe(topic, alone.handle)
    await driver.subscribe(topic, only.handle, { group: `g-${topic}` })
    const messages = numbered(topic, 2_000)
    for (let at = 0; at < 2_000; at += 100) await driver.publish(topic, messages.slice(at, at + 100))
    for (const seen of [alone, only]) await eventually(() => expect(idsOf(seen.deliveries)).toEqual(idsOf(messages)))
  })
})

describe('members of a group', () => {
  test('a long handler keeps its message, though others look for what is idle', async () => {
    const topic = uniqueTopic()
    const [one, two] = [await connect('claimIdleMs=1200'), await connect('claimIdleMs=1200')]
    const group = `g-${topic}`
    let finish = () => {}
    const slow = recorder(() => new Promise((resolve) => (finish = () => resolve(undefined))))
    await one.subscribe(topic, slow.handle, { group })
    await one.publish(topic, numbered(topic, 1))
    await eventually(() => expect(slow.unsettled).toBe(1))
    const other = recorder()
    await two.subscribe(topic, other.handle, { group })
    const raw = await rawClient()
    // Each time that it is claimed anew its idle time begins again.
    let [renewals, idleMs] = [0, 0]
    await eventually(async () => {
      const [[, , idle] = []] = await raw.send<[string, string, number][]>([
        'XPENDING',
        `armature:${topic}`,
        group,
        '-',
        '+',
        '1',
      ])
      if ((idle ?? 0) < idleMs) renewals++
      idleMs = idle ?? 0
      expect(renewals).toBeGreaterThan(5)
    })
    expect([slow.deliveries.length, other.deliveries.length]).toEqual([1, 0])
    finish()
    await eventually(async () =>
      expect((await raw.send<unknown[]>(['XPENDING', `armature:${topic}`, group]))[0]).toBe(0),
    )
  })

  test('a member that was away too long settles nothing that another took over', async () => {
    const topic = uniqueTopic()
    const group = `g-${topic}`
    const proxy = await cutProxy(fixture.server)
    const zombie = await openRedisStreams(streamsUrl(proxy.url, 'claimIdleMs=300&closeWaitMs=300'))
    fixture.closing(zombie)
    const hanging = recorder(() => new Promise(() => undefined))
    await zombie.subscribe(topic, hanging.handle, { group })
    const driver = await connect('claimIdleMs=300')
    const messages = numbered(topic, 20)
    await driver.publish(topic, messages)
    await eventually(() => expect(hanging.unsettled).toBe(20))
    proxy.cut()
    const heir = recorder()
    await driver.subscribe(topic, heir.handle, { group })
    await eventually(() => expect(heir.ids()).toEqual(idsOf(messages)))
    expect(heir.deliveries.every(({ attempt }) => attempt === 2)).toBe(true)
  })

  test('bug: a handler went on unaware while its message was with another, its connection lost', async () => {
    const topic = uniqueTopic()
    const options = { group: `g-${topic}`, serial: 'key' } as const
    const proxy = await cutProxy(fixture.server)
    const victim = await openRedisStreams(streamsUrl(proxy.url, 'claimIdleMs=300'))
    fixture.closing(victim)
    const release: (() => void)[] = []
    const seen = recorder(() => new Promise((resolve) => release.push(() => resolve(undefined))))
    await victim.subscribe(topic, seen.handle, options)
    const driver = await connect('claimIdleMs=300')
    await driver.publish(topic, [message(topic, 'firing', { id: 'firing', key: 'alert' })])
    await eventually(() => expect(seen.deliveries).toHaveLength(1))
    expect(seen.deliveries[0]?.signal.aborted).toBe(false)
    proxy.cut()
    await eventually(() => expect(seen.deliveries[0]?.signal.aborted).toBe(true))
    await proxy.mend()
    // It comes again, behind the handler that is still at work on its key; what has another key does not wait.
    await driver.publish(topic, [message(topic, 'x', { id: 'other', key: 'other' })])
    await eventually(() => expect(idsOf(seen.deliveries)).toEqual(['firing', 'other']))
    for (const each of release.splice(0)) each()
    await eventually(() => expect(idsOf(seen.deliveries)).toEqual(['firing', 'other', 'firing']))
    for (const each of release) each()
    await eventually(() => expect(seen.unsettled).toBe(0))
  })

  test('attempts are counted by the server, so that the next member goes on counting', async () => {
    const topic = uniqueTopic()
    const group = `g-${topic}`
    const [one, two] = [await connect(), await connect()]
    const failing = recorder(async () => {
      throw new Error('no')
    })
    const subscription = await one.subscribe(topic, failing.handle, { group, redeliveryDelayMs: 5 })
    await one.publish(topic, numbered(topic, 1))
    await eventually(() => expect(failing.deliveries.length).toBeGreaterThanOrEqual(3))
    await subscription.close()
    const last = failing.deliveries.at(-1)?.attempt ?? 0
    const seen = recorder()
    await two.subscribe(topic, seen.handle, { group })
    await eventually(() => expect(seen.acked).toHaveLength(1))
    expect(seen.deliveries[0]?.attempt).toBe(last + 1)
  })

  test('what no handler had was not delivered; closed members leave nothing behind', async () => {
    const topic = uniqueTopic()
    const group = `g-${topic}`
    const [one, two] = [await connect(), await connect()]
    const stuck = recorder(() => new Promise(() => undefined))
    const subscription = await one.subscribe(topic, stuck.handle, { group, maxInFlight: 1 })
    const messages = numbered(topic, 3)
    await one.publish(topic, messages)
    await eventually(() => expect(stuck.unsettled).toBe(1))
    await subscription.close()
    const seen = recorder()
    const heir = await two.subscribe(topic, seen.handle, { group })
    await eventually(() => expect(seen.acked).toHaveLength(3))
    expect(new Map(seen.deliveries.map(({ id, attempt }) => [id, attempt]))).toEqual(
      new Map(messages.map(({ id }, at) => [id, at === 0 ? 2 : 1])),
    )
    await drain(heir)
    const raw = await rawClient()
    const consumers = await raw.send<{ name: string }[]>(['XINFO', 'CONSUMERS', `armature:${topic}`, group])
    expect(consumers.map(({ name }) => name)).toEqual(['.returned'])
  })

  test('a topic that is created while no member is there waits for a group with a wildcard', async () => {
    const root = uniqueTopic()
    const group = `g-${root}`
    const driver = await connect()
    const subscription = await driver.subscribe(`${root}.*`, async () => undefined, { group })
    await subscription.close()
    const publisher = await connect('maxMessages=100&publishWaitMs=200')
    const messages = numbered(`${root}.new`, 100)
    await publisher.publish(`${root}.new`, messages)
    // The group is known to the new stream, so that nothing of it is cut off.
    await expect(publisher.publish(`${root}.new`, numbered(root, 1))).rejects.toMatchObject({ fault: 'full' })
    const seen = recorder()
    await driver.subscribe(`${root}.*`, seen.handle, { group })
    await eventually(() => expect(seen.ids()).toEqual(idsOf(messages)))
  })

  test('a stream that is deleted under a group is begun again', async () => {
    const topic = uniqueTopic()
    const driver = await connect()
    const seen = recorder()
    await driver.subscribe(topic, seen.handle, { group: `g-${topic}` })
    await driver.publish(topic, numbered(topic, 1))
    await eventually(() => expect(seen.acked).toHaveLength(1))
    const raw = await rawClient()
    await raw.send(['DEL', `armature:${topic}`])
    const later = numbered(topic, 3)
    await driver.publish(topic, later)
    await eventually(() => expect(seen.ids()).toEqual(expect.arrayContaining(idsOf(later))))
  })
})

describe('serial members of a group', () => {
  const serial = { serial: 'key' } as const

  test('take turns: the next begins when what the one before had is settled', async () => {
    const topic = uniqueTopic()
    const group = `g-${topic}`
    // A stall of this machine is no death of a member.
    const [one, two] = [await connect('claimIdleMs=10000'), await connect('claimIdleMs=10000')]
    let finish = () => {}
    const finished = new Promise<void>((resolve) => (finish = resolve))
    const [first, second] = [recorder(() => finished), recorder()]
    const leaving = await one.subscribe(topic, first.handle, { group, ...serial })
    const messages = numbered(topic, 20, ['a', 'b'])
    await one.publish(topic, messages)
    await eventually(() => expect(first.unsettled).toBe(2))
    await two.subscribe(topic, second.handle, { group, ...serial })
    await leaving.stop()
    const later = numbered(topic, 20, ['a', 'b'])
    await one.publish(topic, later)
    const raw = await rawClient()
    await eventually(async () => {
      // It is the second's turn already, and it waits.
      const [turn] = await raw.send<string[]>(['HMGET', 'armature:.turns', `${group}\n${topic}`])
      const consumers = await raw.send<{ name: string }[]>(['XINFO', 'CONSUMERS', `armature:${topic}`, group])
      expect(turn?.split(' ')[0]).toBeDefined()
      expect(consumers.map(({ name }) => name)).toContain('.returned')
    })
    expect(second.deliveries).toEqual([])
    finish()
    await eventually(() => expect(second.ids()).toEqual(idsOf([...messages.slice(2), ...later])))
  })

  test('a dead member keeps its turn no longer than claimIdleMs', async () => {
    const topic = uniqueTopic()
    const group = `g-${topic}`
    const proxy = await cutProxy(fixture.server)
    const victim = await openRedisStreams(streamsUrl(proxy.url, 'claimIdleMs=300&closeWaitMs=300'))
    fixture.closing(victim)
    const hanging = recorder(() => new Promise(() => undefined))
    await victim.subscribe(topic, hanging.handle, { group, ...serial })
    const driver = await connect('claimIdleMs=300')
    const messages = numbered(topic, 30, ['a', 'b', 'c'])
    await driver.publish(topic, messages)
    await eventually(() => expect(hanging.unsettled).toBe(3))
    const seen = recorder()
    await driver.subscribe(topic, seen.handle, { group, ...serial })
    proxy.cut()
    await eventually(() => expect(seen.ids()).toEqual(idsOf(messages)))
  })
})
