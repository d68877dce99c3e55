import { afterEach, describe, expect, test, vi } from 'vitest'
import { drivenClock, systemClock } from '@armature/async/clock'
import { openDriver } from '@armature/messaging-drivers/open'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { join } from '@armature/messaging/join'
import { bodyText, message } from '@armature/messaging/message'
import { on, type OnOptions, type React, type Registration } from '@armature/messaging/on'
import type { Driver } from '@armature/messaging/ports'
import { RedeliverError } from '@armature/messaging/redeliver-error'
import { serverDeadlineMs, serverUrl, skipped, uniqueName } from '@armature/servers/fixture'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { replay, type ReplayOptions } from '../src/replay.ts'

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const defaults = { timeoutMs: 30_000, maxInFlight: 10, maxInFlightBytes: 1 << 20 }

const noting = (
  topic: string,
  bodies: string[],
  options: Partial<OnOptions<undefined>> = {},
  react?: React<undefined>,
) =>
  on(topic, { name: 'noting', retry: { maxAttempts: 1 }, ...options }, (reaction) => {
    bodies.push(bodyText(reaction.message))
    return react?.(reaction)
  })

const replayed = (driver: Driver, registrations: readonly Registration[], options: Partial<ReplayOptions> = {}) =>
  replay({
    driver,
    registrations,
    clock: systemClock(),
    telemetry: testTelemetry('reactor'),
    group: 'reactor',
    defaults,
    topic: 'orders',
    from: new Date(0),
    to: new Date(8_640_000_000_000_000),
    max: 1_000,
    signal: new AbortController().signal,
    ...options,
  })

describe('in memory', () => {
  const start = Date.UTC(2026, 0, 1)
  /** Five messages, a minute apart. */
  const five = async () => {
    const clock = drivenClock(start)
    const driver = memoryBroker({ clock, partitions: 1 }).connect()
    for (const body of ['a', 'b', 'c', 'd', 'e']) {
      await driver.publish('orders', [message('orders', body)])
      await clock.advance(60_000)
    }
    return driver
  }

  test('the messages of a time are handled in order: the first time belongs to it, the last does not', async () => {
    const bodies: string[] = []
    const range = { from: new Date(start + 60_000), to: new Date(start + 180_000) }
    expect(await replayed(await five(), [noting('orders', bodies)], range)).toEqual({ messages: 2, complete: true })
    expect(bodies).toEqual(['b', 'c'])
  })

  test('each handler of the topic gets them, filtered, and no other handler', async () => {
    const [all, some, none]: [string[], string[], string[]] = [[], [], []]
    await replayed(await five(), [
      noting('>', all),
      noting('orders', some, { name: 'some', filter: (one) => bodyText(one) > 'c' }),
      noting('refunds', none, { name: 'none' }),
    ])
    expect([all, some, none]).toEqual([['a', 'b', 'c', 'd', 'e'], ['d', 'e'], []])
  })

  test('what a handler returns is published, and what fails for good is a dead letter', async () => {
    const driver = await five()
    const out: string[] = []
    await driver.subscribe('copies', (one) => Promise.resolve(void out.push(bodyText(one))))
    await driver.subscribe('orders.DLT', (one) => Promise.resolve(void out.push(`DLT ${bodyText(one)}`)))
    const react: React<undefined> = ({ message: one }) => {
      if (bodyText(one) === 'c') throw new Error('no')
      return message('copies', bodyText(one))
    }
    expect(await replayed(driver, [noting('orders', [], {}, react)])).toMatchObject({ messages: 5 })
    await vi.waitFor(() => expect(out.toSorted()).toEqual(['DLT c', 'a', 'b', 'd', 'e']))
  })

  test('it stops at the bound and says so', async () => {
    const bodies: string[] = []
    expect(await replayed(await five(), [noting('orders', bodies)], { max: 2 })).toEqual({
      messages: 2,
      complete: false,
    })
    expect(bodies).toEqual(['a', 'b'])
  })

  test('bug: a topic of more messages than are looked at was said to be replayed to its end', async () => {
    const bodies: string[] = []
    const handler = noting('orders', bodies)
    expect(await replayed(await five(), [handler], { maxLooked: 4 })).toEqual({ messages: 4, complete: false })
    expect(await replayed(await five(), [handler], { maxLooked: 5 })).toEqual({ messages: 5, complete: true })
    expect(bodies.join('')).toBe('abcdabcde')
  })

  test('bug: a replay of a topic of a join made dead letters of all its messages', async () => {
    const driver = await five()
    const dead: string[] = []
    await driver.subscribe('orders.DLT', (one) => Promise.resolve(void dead.push(bodyText(one))))
    const parts = join(
      { name: 'settle', topics: { order: 'orders', refund: 'refunds' }, keyOf: () => '', when: 'all', windowMs: 10 },
      () => undefined,
    )
    await expect(replayed(driver, parts)).rejects.toMatchObject({
      exitCode: 64,
      message: 'the handler settle-order waits for the other topics of the join settle',
    })
    expect(dead).toEqual([])
    const bodies: string[] = []
    await replayed(driver, [noting('orders', bodies), ...parts.slice(1)])
    expect(bodies).toHaveLength(5)
  })

  test('it stops when it is told to', async () => {
    const bodies: string[] = []
    const stop = new AbortController()
    const handler = noting('orders', bodies, {}, () => stop.abort(new Error('stop')))
    expect(await replayed(await five(), [handler], { signal: stop.signal })).toEqual({ messages: 1, complete: false })
    expect(bodies).toEqual(['a'])
  })

  test('a message that its handler asks for again is given again, and ends the replay when that does not end', async () => {
    let calls = 0
    const react: React<undefined> = () => {
      calls += 1
      if (calls !== 3) throw new RedeliverError('outage', 'the store is away')
    }
    const clock = { ...systemClock(), after: (_: number, done: () => void) => systemClock().after(0, done) }
    await expect(replayed(await five(), [noting('orders', [], {}, react)], { clock })).rejects.toMatchObject({
      exitCode: 75,
      message: expect.stringMatching(/was not handled in 5 deliveries: the store is away/) as string,
      fix: expect.stringMatching(/^Begin again from 2026-/) as string,
    })
    expect(calls).toBe(3 + 5)
  })

  test('bug: the time to begin again from was that of the message, not of its storing', async () => {
    const clock = drivenClock(start)
    const driver = memoryBroker({ clock, partitions: 1 }).connect()
    await driver.publish('orders', [message('orders', 'a', { time: new Date(0) })])
    const react: React<undefined> = () => {
      throw new RedeliverError('outage', 'the store is away')
    }
    const atOnce = { ...systemClock(), after: (_: number, done: () => void) => systemClock().after(0, done) }
    await expect(replayed(driver, [noting('orders', [], {}, react)], { clock: atOnce })).rejects.toMatchObject({
      fix: 'Begin again from 2026-01-01T00:00:00.000Z when it can be',
    })
  })

  test('a topic without a handler is refused, with those that there are', async () => {
    await expect(replayed(await five(), [noting('refunds', [])])).rejects.toMatchObject({
      exitCode: 64,
      message: 'no handler takes messages of orders',
      fix: 'The handlers are noting (refunds)',
    })
  })

  test('a broker that keeps nothing is refused', async () => {
    const driver = await five()
    const forgetful = { ...driver, guarantees: { ...driver.guarantees, replay: false } }
    await expect(replayed(forgetful, [noting('orders', [])])).rejects.toThrow(
      /does not keep messages that were handled/,
    )
  })
})

describe.each([
  ['kafka', 'kafka:'],
  ['nats', 'jetstream:'],
  ['redis', 'redis-streams:'],
] as const)('on %s', (server, scheme) => {
  test.skipIf(skipped(server))(
    'what the group has handled is handled again, and its place stays where it is',
    async () => {
      const driver = await openDriver((await serverUrl(server)).replace(/^[a-z-]+:/, scheme))
      ends.push(() => driver.close())
      const topic = `orders.${uniqueName('replay')}`
      const bodies: string[] = []
      const names = ['a', 'b', 'c']
      const group = `${topic}.noting`
      const handled: string[] = []
      const keep = (one: Parameters<Parameters<Driver['subscribe']>[1]>[0]) =>
        Promise.resolve(void handled.push(bodyText(one)))
      const subscription = await driver.subscribe(topic, keep, { group })
      for (const name of names) await driver.publish(topic, [message(topic, name, { key: 'k' })])
      await vi.waitFor(() => expect(handled).toEqual(names), { timeout: 30_000 })
      await subscription.close()
      const options = { topic, group: topic }
      expect(await replayed(driver, [noting(topic, bodies)], options)).toEqual({ messages: 3, complete: true })
      expect(bodies).toEqual(names)
      const past = { ...options, to: new Date(Date.now() - 3_600_000) }
      expect(await replayed(driver, [noting(topic, bodies)], past)).toEqual({ messages: 0, complete: true })
      await driver.subscribe(topic, keep, { group })
      await driver.publish(topic, [message(topic, 'd', { key: 'k' })])
      await vi.waitFor(() => expect(handled).toEqual([...names, 'd']), { timeout: 30_000 })
    },
    serverDeadlineMs,
  )
})
