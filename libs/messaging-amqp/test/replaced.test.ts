import { serverDeadlineMs, uniqueName } from '@armature/servers/fixture'
import { startRabbitmq, type RunningRabbitmq } from '@armature/servers/rabbitmq'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { openAmqp } from '../src/driver.ts'
import { numbered, recorder, type Recorder } from '@armature/messaging-kit/conformance-fixture'
import type { PublishError } from '@armature/messaging/errors'
import { message } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import { markExchange, markOf } from '../src/names.ts'
import { keptDrivers, sharedRabbitmq, withOptions } from './fixture.ts'

const timeout = 60_000
/** A look at the bindings, and the wait of publishers for it. */
const mendedMs = 30_000
const shared = sharedRabbitmq()
let warnings: string[] = []
const keep = keptDrivers()

afterEach(() => {
  warnings = []
})

const connect = async (exchange: string, url = shared.url) => {
  return keep(await openAmqp(withOptions(url, { exchange }), { warn: (problem) => void warnings.push(problem) }))
}

const eventually = (assertion: () => void | Promise<void>) => vi.waitFor(assertion, { timeout: mendedMs, interval: 20 })

/** Publishes single messages without keeping step until it is stopped. What was confirmed is the answer. */
const publishing = (driver: Driver, topic: string, callers: number) => {
  const confirmed: string[] = []
  const failures: unknown[] = []
  let isOver = false
  const call = async () => {
    while (!isOver) {
      const [one] = numbered(topic, 1)
      if (one === undefined) return
      await driver.publish(topic, [one]).then(
        () => void confirmed.push(one.id),
        (error: unknown) => void failures.push(error),
      )
    }
  }
  const all = Promise.all(Array.from({ length: callers }, call))
  return {
    confirmed,
    failures,
    stop: async () => {
      isOver = true
      await all
    },
  }
}

const missing = (seen: Recorder, confirmed: readonly string[]) => {
  const ids = new Set(seen.ids())
  return confirmed.filter((id) => !ids.has(id))
}

const declareAgain = (exchange: string) => shared.outside.exchangeDeclare({ exchange, type: 'topic', durable: true })

describe('an exchange that is removed under running members', () => {
  const ways: [string, (exchange: string) => Promise<unknown>][] = [
    ['and not made again', async (exchange) => shared.outside.exchangeDelete({ exchange })],
    [
      'and made again at once',
      async (exchange) => {
        await shared.outside.exchangeDelete({ exchange })
        await declareAgain(exchange)
      },
    ],
  ]
  test.each(ways)('bug: %s: what was confirmed after it reached no group', { timeout }, async (_, remove) => {
    const exchange = uniqueName('removed')
    const topic = 'orders.eu'
    const [publisher, one, two] = [await connect(exchange), await connect(exchange), await connect(exchange)]
    const [first, second, wild, alone] = [recorder(), recorder(), recorder(), recorder()]
    await one.subscribe(topic, first.handle, { group: 'first' })
    await two.subscribe(topic, second.handle, { group: 'second' })
    await two.subscribe('orders.>', wild.handle, { group: 'wild' })
    await one.subscribe('>', alone.handle)
    const stream = publishing(publisher, topic, 5)
    for (let round = 1; round <= 2; round++) {
      const before = stream.confirmed.length
      await eventually(() => expect(stream.confirmed.length).toBeGreaterThan(before + 50))
      await remove(exchange)
      const at = stream.confirmed.length
      await eventually(() => expect(stream.confirmed.length).toBeGreaterThan(at + 50))
    }
    await stream.stop()
    for (const seen of [first, second, wild, alone]) {
      await eventually(() => expect(missing(seen, stream.confirmed)).toEqual([]))
    }
    expect(warnings.join()).toMatch(/exchange removed-\w+ was removed.*a group without a running member/)
  })

  test(
    'bug: a directory that outlived its exchange named the old mark again, which other publishers knew',
    { timeout },
    async () => {
      const exchange = uniqueName('directory')
      const directory = markExchange({ exchange })
      const old = '0123456789ab'
      const options = { type: 'fanout', durable: true, autoDelete: true, internal: true }
      await shared.outside.exchangeDeclare({
        exchange: directory,
        ...options,
        arguments: { 'alternate-exchange': old },
      })
      const [publisher, member] = [await connect(exchange), await connect(exchange)]
      await member.subscribe('a.b', async () => undefined, { group: 'g' })
      await publisher.publish('a.b', numbered('a.b', 1))
      await expect(
        shared.outside.exchangeDeclare({ exchange: markOf({ exchange }, old), passive: true }),
      ).rejects.toThrow(/NOT_FOUND/)
      await expect(
        shared.outside.exchangeDeclare({ exchange: directory, ...options, arguments: { 'alternate-exchange': old } }),
      ).rejects.toThrow(/current is/)
      expect(warnings).toEqual([])
    },
  )

  test('bug: a publisher that was idle meanwhile confirmed what no group got', { timeout }, async () => {
    const exchange = uniqueName('removed')
    const [publisher, member] = [await connect(exchange), await connect(exchange)]
    const [seen, other] = [recorder(), recorder()]
    await member.subscribe('a.b', seen.handle, { group: 'g' })
    await member.subscribe('a.*', other.handle, { group: 'other' })
    await publisher.publish('a.b', [message('a.b', 'x', { id: 'before' })])
    await shared.outside.exchangeDelete({ exchange })
    await declareAgain(exchange)
    // One of the two groups is bound, so that nothing is unroutable.
    await shared.outside.queueBind({ exchange, queue: `${exchange}:g:a.b`, routingKey: 'a.b' })
    await publisher.publish('a.b', [message('a.b', 'x', { id: 'after' })])
    for (const each of [seen, other]) await eventually(() => expect(each.ids()).toEqual(['before', 'after']))
  })

  test('bug: a binding that was removed alone came never again', { timeout }, async () => {
    const exchange = uniqueName('unbound')
    const [publisher, member] = [await connect(exchange), await connect(exchange)]
    const seen = recorder()
    await member.subscribe('a.b', seen.handle, { group: 'g' })
    await shared.outside.queueUnbind({ exchange, queue: `${exchange}:g:a.b`, routingKey: 'a.b' })
    await eventually(async () => {
      await publisher.publish('a.b', [message('a.b', 'x', { id: 'x' })]).catch((error: unknown) => {
        expect((error as PublishError).fault).toBe('unroutable')
      })
      expect(seen.ids()).toEqual(['x'])
    })
  })
})

describe('a queue that is removed under running members', () => {
  test('is made and bound again, and told', { timeout }, async () => {
    const exchange = uniqueName('queue')
    const [publisher, member] = [await connect(exchange), await connect(exchange)]
    const seen = recorder()
    await member.subscribe('a.b', seen.handle, { group: 'g' })
    await shared.outside.queueDelete({ queue: `${exchange}:g:a.b` })
    await eventually(() => publisher.publish('a.b', [message('a.b', 'x', { id: 'after' })]))
    await eventually(() => expect(seen.ids()).toEqual(['after']))
    expect(warnings.join()).toMatch(/ended the consumer of the queue .*is made again/)
  })

  test('bug: of dead letters: a letter went only to who reads them by a wildcard', { timeout }, async () => {
    const exchange = uniqueName('letters')
    const driver = await connect(exchange)
    const seen = recorder()
    await driver.subscribe('orders.>', seen.handle, { group: 'watcher' })
    await driver.publish('orders.DLT', [message('orders.DLT', 'x', { id: 'one' })])
    await shared.outside.queueDelete({ queue: `${exchange}:orders.DLT` })
    await driver.publish('orders.DLT', [message('orders.DLT', 'x', { id: 'two' })])
    const held: string[] = []
    for await (const { id } of driver.browser?.browse('orders.DLT', { max: 10 }) ?? []) held.push(id)
    expect(held).toEqual(['two'])
  })

  test('bug: of names of dead-letter topics: they were in no list any more', { timeout }, async () => {
    const exchange = uniqueName('registry')
    const [driver, other] = [await connect(exchange), await connect(exchange)]
    await driver.publish('one.DLT', [message('one.DLT', 'x')])
    await other.publish('two.DLT', [message('two.DLT', 'x')])
    await shared.outside.queueDelete({ queue: `${exchange}:dead-letter-topics` })
    await driver.publish('one.DLT', [message('one.DLT', 'x')])
    expect(await driver.browser?.topics()).toEqual(['one.DLT'])
    // Made again by another process in the meantime.
    const later = await connect(exchange)
    await later.publish('two.DLT', [message('two.DLT', 'x')])
    expect(await driver.browser?.topics()).toEqual(['one.DLT', 'two.DLT'])
  })
})

describe('a queue that is full', () => {
  test(
    'bug: a publish was refused at once: it waits for room, and no longer than publishWaitMs',
    { timeout },
    async () => {
      const exchange = uniqueName('full')
      const [driver, hasty] = [
        await connect(exchange),
        await openAmqp(withOptions(shared.url, { exchange, publishWaitMs: '300' }), { warn: () => undefined }),
      ]
      keep(hasty)
      const queue = uniqueName('small')
      await shared.outside.queueDeclare({
        queue,
        durable: true,
        arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' },
      })
      await shared.outside.queueBind({ exchange, queue, routingKey: 'a.b' })
      await driver.publish('a.b', numbered('a.b', 1))
      const waiting = driver.publish('a.b', numbered('a.b', 1))
      waiting.catch(() => undefined)
      // Refused too meanwhile.
      await expect(hasty.publish('a.b', numbered('a.b', 1))).rejects.toMatchObject({ fault: 'full', retryable: true })
      await shared.outside.queuePurge(queue)
      await waiting
      await shared.outside.queueDelete({ queue })
    },
  )
})

describe('a virtual host that is replaced by an empty one', () => {
  let own: RunningRabbitmq
  beforeAll(async () => {
    own = await startRabbitmq({ users: [{ name: 'joe', password: 'x', vhost: 'shop' }] })
  }, serverDeadlineMs)
  afterAll(() => own?.stop())

  test('gets its exchange, queues and bindings again from those who run', { timeout: 2 * timeout }, async () => {
    const url = `amqp://joe:x@${new URL(own.url).host}/shop`
    const [publisher, member] = [await connect('armature', url), await connect('armature', url)]
    const [seen, other] = [recorder(), recorder()]
    await member.subscribe('a.b', seen.handle, { group: 'g' })
    await member.subscribe('a.>', other.handle, { group: 'other' })
    await publisher.publish('a.b', numbered('a.b', 10))
    await publisher.publish('a.b.DLT', [message('a.b.DLT', 'x')])
    await own.control('delete_vhost', 'shop')
    await own.control('add_vhost', 'shop')
    await own.control('set_permissions', '-p', 'shop', 'joe', '.*', '.*', '.*')
    const stream = publishing(publisher, 'a.b', 3)
    await vi.waitFor(() => expect(stream.confirmed.length).toBeGreaterThan(20), { timeout })
    await stream.stop()
    for (const each of [seen, other]) await eventually(() => expect(missing(each, stream.confirmed)).toEqual([]))
    await publisher.publish('a.b.DLT', [message('a.b.DLT', 'x', { id: 'letter' })])
    expect(await publisher.browser?.topics()).toEqual(['a.b.DLT'])
  })
})
