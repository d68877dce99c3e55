import { drivenClock } from '@armature/async/clock'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { PublishError } from '@armature/messaging/errors'
import { createMemoryInbox } from '@armature/messaging/memory-inbox'
import { bodyText, message, type Message } from '@armature/messaging/message'
import { on, type OnOptions, type React } from '@armature/messaging/on'
import type { Driver } from '@armature/messaging/ports'
import type { HandlerStore } from '@armature/messaging/handler-store'
import { imbalance } from '@armature/telemetry/ledger'
import { recordSpans } from '@armature/telemetry/span-recorder'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { describe, expect, onTestFinished, test } from 'vitest'
import * as z from 'zod'
import { commonSettings, messagingSettings } from '@armature/config/common'
import { createConsumer } from '../src/consumer.ts'
import { consumerSettings } from '../src/consumer-settings.ts'

const settings = z.object({ ...commonSettings, ...messagingSettings, ...consumerSettings('billing') })

interface WorldOptions<Tx> {
  readonly options?: Partial<OnOptions<undefined, Tx>>
  readonly react?: React<undefined, Tx>
  readonly through?: (driver: Driver) => Driver
  readonly consumers?: number
}

/** Consumers of one handler on `orders`, all of one group, and what comes out of them. */
const openWorld = async <Tx = undefined>({
  options,
  react = () => undefined,
  through = (driver) => driver,
  consumers: howMany = 1,
}: WorldOptions<Tx>) => {
  const clock = drivenClock()
  const broker = memoryBroker({ clock, partitions: 1 })
  const bodies: string[] = []
  const consumers = Array.from({ length: howMany }, () =>
    createConsumer({
      name: 'billing',
      config: settings.parse({}),
      edges: {
        telemetry: testTelemetry('billing'),
        clock,
        openMessaging: () => Promise.resolve(through(broker.connect())),
      },
      handlers: [
        on<undefined, Tx>('orders', { name: 'store', retry: { maxAttempts: 1 }, ...options }, (reaction) => {
          bodies.push(bodyText(reaction.message))
          return react(reaction)
        }),
      ],
    }),
  )
  for (const consumer of consumers) onTestFinished(() => consumer.close())
  const client = broker.connect()
  const out: Message[] = []
  for (const topic of ['invoices', 'reports', 'orders.DLT']) {
    await client.subscribe(topic, (delivery) => Promise.resolve(void out.push(delivery)))
  }
  for (const consumer of consumers) await consumer.start()
  return {
    clock,
    bodies,
    client,
    /** `topic: body`, or the reason of a dead letter. */
    out: () => out.map((one) => `${one.topic}: ${one.headers['dlt-reason'] ?? bodyText(one)}`),
    messages: out,
    publish: (...given: Message[]) => client.publish('orders', given),
    books: () => consumers.flatMap((consumer) => consumer.ledger()),
    imbalance: () => consumers.flatMap((consumer) => consumer.ledger().map(imbalance)),
  }
}

const order = (text: string, headers: Record<string, string> = {}, id?: string) =>
  message('orders', text, { headers, ...(id === undefined ? {} : { id }) })

test('filter: only the messages whose attributes fit are handled, the others are acknowledged', async () => {
  const { publish, clock, bodies, books } = await openWorld({
    options: { filter: { all: [{ prefix: { type: 'order.' } }, { not: { exact: { source: '/test' } } }] } },
  })
  await publish(
    order('one', { type: 'order.created', source: '/shop' }),
    order('two', { type: 'order.created', source: '/test' }),
    order('three', { type: 'refund' }),
  )
  await clock.advance(10)
  expect(bodies).toEqual(['one'])
  expect(books()).toMatchObject([{ received: 3, acked: 3, inFlight: 0 }])
})

test.each<[Partial<OnOptions<undefined>>, RegExp]>([
  [{ filter: { exact: {} } }, /filter.exact must be an object of attributes/],
  [{ rateLimit: { perSecond: 0 } }, /perSecond/],
  [{ idempotent: { inbox: createMemoryInbox(), expiryMs: 0 } }, /idempotent.expiryMs/],
])('a bad option is refused: %j', (options, problem) => {
  expect(() => on('orders', { name: 'store', ...options }, () => undefined)).toThrow(problem)
})

test('rateLimit: no more calls a second than that, and nothing is lost', async () => {
  const { publish, clock, bodies, imbalance: off } = await openWorld({ options: { rateLimit: { perSecond: 2 } } })
  await publish(order('one'), order('two'), order('three'))
  await clock.advance(0)
  expect(bodies).toEqual(['one'])
  await clock.advance(499)
  expect(bodies).toEqual(['one'])
  await clock.advance(501)
  expect(bodies).toEqual(['one', 'two', 'three'])
  expect(off()).toEqual([0])
})

describe('idempotent', () => {
  test('a message that comes twice, to two processes, is handled once', async () => {
    const inbox = createMemoryInbox()
    const { publish, clock, bodies, books } = await openWorld({ options: { idempotent: { inbox } }, consumers: 2 })
    await publish(order('one', {}, 'm1'))
    await clock.advance(10)
    await publish(order('one', {}, 'm1'), order('two', {}, 'm2'))
    await clock.advance(10)
    expect(bodies).toEqual(['one', 'two'])
    expect(books().reduce((sum, { acked }) => sum + acked, 0)).toBe(3)
  })

  test('a message that fails is tried again, and dead-lettered once it has failed for good', async () => {
    const inbox = createMemoryInbox()
    const { publish, clock, bodies, out } = await openWorld({
      options: { idempotent: { inbox }, retry: { maxAttempts: 3 } },
      react: () => {
        throw new Error('no')
      },
    })
    await publish(order('one'))
    await clock.advance(60_000)
    expect(bodies).toEqual(['one', 'one', 'one'])
    expect(out()).toEqual(['orders.DLT: failed'])
  })

  test('another message of the same identity becomes a dead letter', async () => {
    const inbox = createMemoryInbox()
    const { publish, clock, bodies, out } = await openWorld({ options: { idempotent: { inbox } } })
    await publish(order('one', {}, 'm1'))
    await clock.advance(10)
    await publish(order('other', {}, 'm1'))
    await clock.advance(10)
    expect(bodies).toEqual(['one'])
    expect(out()).toEqual(['orders.DLT: identity-reused'])
  })
})

describe('messages that a handler returns', () => {
  const replies = () => [message('invoices', 'i1'), message('invoices', 'i2'), message('reports', 'r1')]

  test('are published in order, before its own is acknowledged', async () => {
    const { publish, clock, out, books } = await openWorld({ react: replies })
    await publish(order('one'))
    await clock.advance(10)
    expect(out()).toEqual(['invoices: i1', 'invoices: i2', 'reports: r1'])
    expect(books()).toMatchObject([{ received: 1, acked: 1 }])
  })

  test('may be one alone, and anything else is nothing', async () => {
    const returned: unknown[] = [message('invoices', 'alone'), 7, 'text', { topic: 'invoices' }, null, []]
    const { publish, clock, out, books } = await openWorld({ react: () => returned.shift() as Message })
    await publish(...returned.map((_, index) => order(`${index}`)))
    await clock.advance(10)
    expect(out()).toEqual(['invoices: alone'])
    expect(books()).toMatchObject([{ received: 6, acked: 6 }])
  })

  test('cost no message when they cannot be published: it comes again', async () => {
    let isDown = true
    const { publish, clock, bodies, out, books } = await openWorld({
      react: () => message('invoices', 'i1', { id: 'i1' }),
      options: { retry: { maxAttempts: 3 } },
      through: (driver) => ({
        ...driver,
        publish: (topic, messages) => {
          if (topic !== 'invoices' || !isDown) return driver.publish(topic, messages)
          isDown = false
          return Promise.reject(new PublishError('the broker is away', { topic, fault: 'unavailable' }))
        },
      }),
    })
    await publish(order('one'))
    await clock.advance(60_000)
    expect(bodies).toEqual(['one', 'one'])
    expect(out()).toEqual(['invoices: i1'])
    expect(books()).toMatchObject([{ received: 1, acked: 1, inFlight: 0 }])
  })

  test('that are no messages make a dead letter, which says so', async () => {
    const { publish, clock, out, messages } = await openWorld({
      react: () => [message('invoices', 'i1'), { topic: 'invoices' }] as Message[],
    })
    await publish(order('one'))
    await clock.advance(10)
    expect(out()).toEqual(['orders.DLT: bad-reply'])
    expect(messages[0]?.headers['kafka_dlt-exception-message']).toMatch(/item 1 of the list .* is no message/)
  })
})

describe('store', () => {
  /** Keeps what was stored, unless the transaction fails. */
  const fakeStore = () => {
    const stored: string[] = []
    const handled = new Map<string, string>()
    const store: HandlerStore<string[]> = {
      handle: async ({ handler, key, contents }, work) => {
        const known = handled.get(`${handler} ${key}`)
        if (known !== undefined) return known === contents ? 'repeat' : 'reused'
        const transaction: string[] = []
        const messages = await work(transaction)
        handled.set(`${handler} ${key}`, contents)
        stored.push(...transaction, ...messages.map((one) => `${one.topic}: ${bodyText(one)}`))
        return 'handled'
      },
    }
    return { store, stored, handled }
  }

  test('effects, inbox and messages are stored together, once, and none is published directly', async () => {
    const { store, stored, handled } = fakeStore()
    const { publish, clock, out, bodies } = await openWorld<string[]>({
      options: { store },
      react: ({ within, message: { id } }) => {
        within.push(`effect of ${id}`)
        return [message('invoices', `for ${id}`)]
      },
    })
    await publish(order('one', {}, 'm1'))
    await clock.advance(10)
    await publish(order('one', {}, 'm1'), order('other', {}, 'm1'))
    await clock.advance(10)
    expect(bodies).toEqual(['one'])
    expect(stored).toEqual(['effect of m1', 'invoices: for m1'])
    expect([...handled.keys()]).toEqual([expect.stringMatching(/^billing\.store .*m1$/)])
    expect(out()).toEqual(['orders.DLT: identity-reused'])
  })

  test('a handler that fails stores nothing', async () => {
    const { store, stored, handled } = fakeStore()
    const { publish, clock, out } = await openWorld<string[]>({
      options: { store },
      react: ({ within }) => {
        within.push('effect')
        throw new Error('no')
      },
    })
    await publish(order('one'))
    await clock.advance(10)
    expect([stored, [...handled]]).toEqual([[], []])
    expect(out()).toEqual(['orders.DLT: failed'])
  })

  test('stored messages carry the trace of the handler', async () => {
    const recorder = recordSpans()
    onTestFinished(() => recorder.stop())
    const traces: (string | undefined)[] = []
    const store: HandlerStore<undefined> = {
      handle: async (_, work) => {
        traces.push(...(await work(undefined)).map(({ headers }) => headers['traceparent']?.slice(3, 35)))
        return 'handled'
      },
    }
    const { publish, clock } = await openWorld({ options: { store }, react: () => message('invoices', 'i1') })
    await publish(order('one', { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` }))
    await clock.advance(10)
    expect(traces).toEqual(['a'.repeat(32)])
  })

  test('is not combined with an inbox of its own', () => {
    const idempotent = { inbox: createMemoryInbox() }
    expect(() => on('a', { name: 'a', store: fakeStore().store, idempotent }, () => undefined)).toThrow(
      /handler a has a store and is idempotent by it: leave the option idempotent out/,
    )
  })
})
