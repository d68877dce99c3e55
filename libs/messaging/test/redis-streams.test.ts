import { join } from 'node:path'
import { serverDeadlineMs, serverUrl } from '@armature/servers/fixture'
import { startProgram } from '@armature/servers/program'
import { startRedis } from '@armature/servers/redis'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { drain, idsOf, numbered, recorder, uniqueTopic } from '../src/conformance-fixture.ts'
import { deadLetterTopic } from '../src/dead-letter.ts'
import type { Driver } from '../src/ports.ts'
import { openRedisStreams } from '../src/redis-streams.ts'
import { cutProxy } from './cut-proxy.ts'
import { rawRedis, streamsUrl, type RawRedis } from './redis-raw.ts'

vi.setConfig({ testTimeout: 30_000 })

let server: string
let open: { close(): unknown }[] = []

beforeAll(async () => {
  server = await serverUrl('redis')
}, serverDeadlineMs)
afterEach(async () => {
  await Promise.all(open.map((each) => each.close()))
  open = []
})

const connect = async (options = 'claimIdleMs=600'): Promise<Driver> => {
  const driver = await openRedisStreams(streamsUrl(server, options))
  open.push(driver)
  return driver
}
const rawClient = async (url = server): Promise<RawRedis> => {
  const raw = await rawRedis(url)
  open.push(raw)
  return raw
}
const eventually = (assertion: () => void | Promise<void>) => vi.waitFor(assertion, { timeout: 10_000, interval: 10 })

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
    const [one, two] = [await connect('claimIdleMs=300'), await connect('claimIdleMs=300')]
    const group = `g-${topic}`
    let finish = () => {}
    const slow = recorder(() => new Promise((resolve) => (finish = () => resolve(undefined))))
    await one.subscribe(topic, slow.handle, { group })
    await one.publish(topic, numbered(topic, 1))
    await eventually(() => expect(slow.unsettled).toBe(1))
    const other = recorder()
    await two.subscribe(topic, other.handle, { group })
    const startedMs = performance.now()
    await eventually(() => expect(performance.now() - startedMs).toBeGreaterThan(1_500))
    expect([slow.deliveries.length, other.deliveries.length]).toEqual([1, 0])
    finish()
    const raw = await rawClient()
    await eventually(async () =>
      expect((await raw.send<unknown[]>(['XPENDING', `armature:${topic}`, group]))[0]).toBe(0),
    )
  })

  test('a member that was away too long settles nothing that another took over', async () => {
    const topic = uniqueTopic()
    const group = `g-${topic}`
    const { hostname, port } = new URL(server)
    const proxy = await cutProxy(hostname, Number(port))
    const zombie = await openRedisStreams(`redis-streams://127.0.0.1:${proxy.port}?claimIdleMs=300&closeWaitMs=300`)
    open.push(zombie)
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

describe('the bound of a stream', () => {
  const bounded = 'claimIdleMs=600&maxMessages=100&publishWaitMs=300'

  test('cuts off what every group has settled, so that publishing goes on', async () => {
    const topic = uniqueTopic()
    const driver = await connect(bounded)
    const [seen, alone] = [recorder(), recorder()]
    await driver.subscribe(topic, seen.handle, { group: `g-${topic}` })
    await driver.subscribe(topic, alone.handle)
    const patient = await connect('claimIdleMs=600&maxMessages=100')
    const messages = numbered(topic, 400)
    for (let at = 0; at < 400; at += 25) await patient.publish(topic, messages.slice(at, at + 25))
    await eventually(() => expect(seen.ids()).toHaveLength(400))
    await eventually(() => expect(alone.ids()).toHaveLength(400))
    const raw = await rawClient()
    expect(await raw.send(['XLEN', `armature:${topic}`])).toBeLessThanOrEqual(100)
  })

  test.each(['g', undefined])(
    'refuses what has no room while a subscriber lags, and loses nothing: group %s',
    async (name) => {
      const topic = uniqueTopic()
      const driver = await connect(bounded)
      const group = name === undefined ? {} : { group: `${name}-${topic}` }
      let release = () => {}
      const released = new Promise<void>((resolve) => (release = resolve))
      const seen = recorder(() => released)
      await driver.subscribe(topic, seen.handle, group)
      const messages = numbered(topic, 100)
      await driver.publish(topic, messages)
      const refused = driver.publish(topic, numbered(topic, 1))
      await expect(refused).rejects.toMatchObject({ fault: 'full', retryable: true })
      await expect(refused).rejects.toThrow(name === undefined ? 'armature.reader' : `g-${topic}`)
      release()
      await eventually(async () => {
        const late = numbered(topic, 1)
        messages.push(...late)
        await driver.publish(topic, late)
      })
      await eventually(() => expect(seen.ids()).toEqual(expect.arrayContaining(idsOf(messages.slice(0, 100)))))
    },
  )

  test('a topic that nobody reads keeps the newest; dead letters are kept and refused at the bound', async () => {
    const topic = uniqueTopic()
    const driver = await connect(bounded)
    const raw = await rawClient()
    for (let at = 0; at < 10; at++) await driver.publish(topic, numbered(topic, 30))
    expect(await raw.send(['XLEN', `armature:${topic}`])).toBeLessThanOrEqual(100)
    const letters = deadLetterTopic(topic)
    await driver.publish(letters, numbered(letters, 100))
    await expect(driver.publish(letters, numbered(letters, 1))).rejects.toMatchObject({ fault: 'full' })
    expect(await raw.send(['XLEN', `armature:${letters}`])).toBe(100)
  })

  test('a subscriber without a group that died holds nothing for ever', async () => {
    const topic = uniqueTopic()
    const driver = await connect(bounded)
    const raw = await rawClient()
    await raw.send(['XGROUP', 'CREATE', `armature:${topic}`, 'armature.reader:dead', '0', 'MKSTREAM'])
    await driver.publish(topic, numbered(topic, 100))
    await driver.publish(topic, numbered(topic, 10))
    expect(await raw.send(['XLEN', `armature:${topic}`])).toBeLessThanOrEqual(100)
  })
})

describe('what is declared', () => {
  test('without append-only files: less, and a warning; unless the URL vouches', async () => {
    const forgetful = await startRedis({ appendOnly: false })
    open.push({ close: () => forgetful.stop() })
    const warnings: string[] = []
    const driver = await openRedisStreams(streamsUrl(forgetful.url), { warn: (problem) => void warnings.push(problem) })
    expect(driver.guarantees.atLeastOnce).toBe(false)
    expect(warnings).toEqual([expect.stringContaining('appendonly')])
    await driver.close()
    const vouched = await openRedisStreams(streamsUrl(forgetful.url, 'appendonly=true'), { warn: () => expect.fail() })
    expect(vouched.guarantees.atLeastOnce).toBe(true)
    await vouched.close()
  })

  test('where CONFIG is forbidden: less, and a warning; the rest works', async () => {
    const managed = await startRedis({ users: { app: { password: 'secret', rules: '~* &* +@all -config' } } })
    open.push({ close: () => managed.stop() })
    const warnings: string[] = []
    const driver = await openRedisStreams(streamsUrl(managed.url), { warn: (problem) => void warnings.push(problem) })
    expect(driver.guarantees.atLeastOnce).toBe(false)
    expect(warnings).toEqual([expect.stringContaining('appendonly=true')])
    const seen = recorder()
    await driver.subscribe('t', seen.handle, { group: 'g' })
    await driver.publish('t', numbered('t', 3))
    await eventually(() => expect(seen.acked).toHaveLength(3))
    await driver.close()
  })

  test('the names of private groups are refused', async () => {
    const driver = await connect()
    const options = { group: 'armature.reader:x' }
    await expect(driver.subscribe('t', async () => undefined, options)).rejects.toThrow('armature.reader')
  })
})

describe('serial members of a group', () => {
  const serial = { serial: 'key' } as const

  test('take turns: the next begins when what the one before had is settled', async () => {
    const topic = uniqueTopic()
    const group = `g-${topic}`
    const [one, two] = [await connect(), await connect()]
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
    const { hostname, port } = new URL(server)
    const proxy = await cutProxy(hostname, Number(port))
    const victim = await openRedisStreams(`redis-streams://127.0.0.1:${proxy.port}?claimIdleMs=300&closeWaitMs=300`)
    open.push(victim)
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

describe('a process', () => {
  const script = (url: string) =>
    `
    const { openDriver } = await import(${JSON.stringify(join(import.meta.dirname, '../src/open.ts'))})
    const { message } = await import(${JSON.stringify(join(import.meta.dirname, '../src/message.ts'))})
    const driver = await openDriver(${JSON.stringify(url)})
    for (const options of url.startsWith('redis-streams') ? [{ group: 'g' }, { group: 'h', serial: 'key' }, {}] : [{}]) {
      await driver.subscribe('ends.>', async () => undefined, options)
      await driver.subscribe('ends.here', async () => undefined, options)
    }
    await driver.publish('ends.here', [message('ends.here', 'x')])
    await driver.close()
    console.log('closed')`.replaceAll('url.startsWith', `${JSON.stringify(url)}.startsWith`)

  test.each(['redis', 'redis-streams'])('ends by itself when its driver is closed: %s', async (scheme) => {
    const url = scheme === 'redis' ? server : streamsUrl(server)
    const program = startProgram(process.execPath, ['--input-type=module', '-e', script(url)])
    open.push({ close: () => program.kill() })
    await program.until(/closed/, 20_000)
    expect(await program.ended(1_500)).toEqual({ code: 0, signal: null })
  })
})
