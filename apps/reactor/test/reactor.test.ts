import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { PublishError, UnrecoverableError } from '@armature/messaging/errors'
import { bodyText } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import { on, type OnOptions, type React } from '../src/on.ts'
import { openWorld, type WorldOptions } from './world.ts'

const alert = { status: 'firing', name: 'cpu', severity: 'critical', summary: 'it is hot' }

/** A reactor with one handler that notes the bodies it was given. */
const openNoting = async (
  topic: string,
  options: Partial<OnOptions<undefined>> = {},
  more: WorldOptions & { readonly react?: React<undefined> } = {},
) => {
  const { react, ...rest } = more
  const bodies: string[] = []
  const noting: React<undefined> = async (reaction) => {
    bodies.push(Buffer.from(reaction.message.body).toString('latin1'))
    await react?.(reaction)
  }
  const world = await openWorld({ ...rest, handlers: () => [on(topic, { name: 'noting', ...options }, noting)] })
  await world.service.start()
  return { ...world, bodies }
}

const never = () => new Promise<void>(() => undefined)
const failing = () => Promise.reject(new Error('broken'))

describe('log-alert', () => {
  test('handles every alert and keeps the last, the newest first', async () => {
    const world = await openWorld({ config: { keepHandled: 2 } })
    await world.service.start()
    for (const status of ['firing', 'resolved', 'firing']) await world.publishJson('alerts.cpu', { ...alert, status })
    await world.clock.advance(10)
    expect(world.service.handled()).toMatchObject([
      { name: 'cpu', status: 'firing', severity: 'critical', summary: 'it is hot', time: expect.any(String) as string },
      { status: 'resolved' },
    ])
    expect(world.row()).toMatchObject({ received: 3, acked: 3, inFlight: 0 })
    expect(world.metrics.value('reactor_handled_total', { handler: 'log-alert', outcome: 'handled' })).toBe(3)
  })

  test.each([
    ['hello', 'invalid-json'],
    ['{"status":"maybe","name":"x"}', 'schema-mismatch'],
    [Buffer.from([0xc3, 0x28]), 'invalid-json'],
  ])('%s is dead-lettered with its reason, once, and the rest flows', async (body, reason) => {
    const world = await openWorld()
    await world.service.start()
    await world.publishJson('alerts.a', alert)
    await world.publish('alerts.a', body)
    await world.publishJson('alerts.a', alert)
    await world.clock.advance(120_000)
    expect(world.service.handled()).toHaveLength(2)
    expect(world.reasons()).toEqual([`alerts.a.DLT: ${reason}`])
    expect(world.deadLetters[0]?.headers['dlt-handler']).toBe('log-alert')
    // The dead letter matches alerts.> and is left out.
    expect(world.row()).toMatchObject({ received: 4, acked: 3, deadLettered: 1, inFlight: 0 })
    expect(world.imbalance()).toEqual([0])
  })
})

describe('topics', () => {
  test('wildcards, and nothing of other topics', async () => {
    const { publish, clock, bodies } = await openNoting('logs.*')
    for (const topic of ['logs.a', 'logs.b', 'logs', 'logs.a.b', 'other.a']) await publish(topic, topic)
    await clock.advance(10)
    expect(bodies.sort()).toEqual(['logs.a', 'logs.b'])
  })

  test('a wildcard leaves out dead letters, so a handler that fails is not given its own', async () => {
    const world = await openNoting('>', { retry: { maxAttempts: 1 } }, { react: failing })
    await world.publish('a', 'poison')
    await world.clock.advance(600_000)
    expect(world.bodies).toEqual(['poison'])
    expect(world.reasons()).toEqual(['a.DLT: failed'])
  })

  test('dead letters are handled when asked for', async () => {
    const { publish, clock, bodies } = await openNoting('>', { deadLetters: true })
    await publish('a.DLT', 'dead')
    await clock.advance(10)
    expect(bodies).toEqual(['dead'])
  })

  test('reactors of one group share the messages', async () => {
    const world = await openNoting('a')
    const other = await openNoting('a', {}, { through: () => world.broker.connect() })
    for (let index = 0; index < 20; index += 1) await world.publish('a', String(index), { key: String(index) })
    await world.clock.advance(100)
    expect([...world.bodies, ...other.bodies].sort()).toEqual(
      Array.from({ length: 20 }, (_, index) => String(index)).sort(),
    )
  })
})

describe('filter', () => {
  test('what does not concern the handler is acknowledged and counted', async () => {
    const filter: OnOptions<undefined>['filter'] = (message) => message.headers['kind'] === 'a'
    const { publish, clock, bodies, row, metrics } = await openNoting('x', { filter })
    await publish('x', 'one', { headers: { kind: 'a' } })
    await publish('x', 'two', { headers: { kind: 'b' } })
    await publish('x', 'three')
    await clock.advance(10)
    expect(bodies).toEqual(['one'])
    expect(row()).toMatchObject({ received: 3, acked: 3, inFlight: 0 })
    expect(metrics.value('reactor_handled_total', { outcome: 'filtered' })).toBe(2)
    expect(metrics.value('reactor_handled_total', { outcome: 'handled' })).toBe(1)
  })

  test('one that throws gets the message again, then it is dead-lettered', async () => {
    const filter = () => {
      throw new Error('no such header')
    }
    const { publish, clock, bodies, reasons } = await openNoting('x', { filter, retry: { maxAttempts: 3 } })
    await publish('x', 'one')
    await clock.advance(60_000)
    expect(bodies).toEqual([])
    expect(reasons()).toEqual(['x.DLT: failed'])
  })
})

describe('count', () => {
  test('the handler closes after that many, the rest stays with the broker', async () => {
    const { publish, clock, bodies, row, service, broker } = await openNoting('x', { count: 3 })
    for (let index = 0; index < 10; index += 1) await publish('x', String(index))
    await clock.advance(1_000)
    expect(bodies).toEqual(['0', '1', '2'])
    expect(await service.ended).toBe(0)
    expect(row()).toMatchObject({ acked: 3, deadLettered: 0, inFlight: 0 })
    const left: string[] = []
    await broker.connect().subscribe('x', (delivery) => Promise.resolve(void left.push(bodyText(delivery))), {
      group: 'reactor.noting',
    })
    await clock.advance(1_000)
    expect(left.sort()).toEqual(['3', '4', '5', '6', '7', '8', '9'])
  })

  test('what is filtered or dead-lettered does not count', async () => {
    const { publish, clock, bodies, reasons } = await openNoting(
      'x',
      { count: 2, filter: ({ body }) => body[0] !== 0x66, retry: { maxAttempts: 1 } },
      {
        react: ({ message }) => (bodyText(message) === 'bad' ? failing() : undefined),
      },
    )
    for (const body of ['filtered', 'good', 'bad', 'filtered', 'well', 'late']) await publish('x', body)
    await clock.advance(1_000)
    expect(bodies).toEqual(['good', 'bad', 'well'])
    expect(reasons()).toEqual(['x.DLT: failed'])
  })
})

describe('a handler that fails', () => {
  test('is tried again, then the message is dead-lettered with what happened; the rest flows', async () => {
    const { publish, clock, bodies, deadLetters, reasons, row, imbalance } = await openNoting(
      'x',
      { retry: { maxAttempts: 4, immediateAttempts: 1, firstDelayMs: 1_000 } },
      { react: ({ message }) => (bodyText(message) === 'bad' ? failing() : undefined) },
    )
    await publish('x', 'bad')
    await publish('x', 'good')
    await clock.advance(0)
    expect(bodies).toEqual(['bad', 'good', 'bad'])
    await clock.advance(60_000)
    expect(bodies).toEqual(['bad', 'good', 'bad', 'bad', 'bad'])
    expect(reasons()).toEqual(['x.DLT: failed'])
    expect(deadLetters[0]?.headers).toMatchObject({
      'dlt-attempts': '4',
      'kafka_dlt-original-topic': 'x',
      'kafka_dlt-exception-message': 'broken',
    })
    expect(row()).toMatchObject({ received: 2, acked: 1, deadLettered: 1, inFlight: 0 })
    expect(imbalance()).toEqual([0])
  })

  test('and then succeeds is done', async () => {
    let failures = 2
    const { publish, clock, bodies, reasons, row } = await openNoting(
      'x',
      {},
      { react: () => (failures-- > 0 ? failing() : undefined) },
    )
    await publish('x', 'one')
    await clock.advance(60_000)
    expect(bodies).toHaveLength(3)
    expect(reasons()).toEqual([])
    expect(row()).toMatchObject({ received: 1, acked: 1 })
  })

  test('for good is not tried again', async () => {
    const react = () => Promise.reject(new UnrecoverableError('no-such-user', 'user 7 is not known'))
    const { publish, clock, bodies, reasons } = await openNoting('x', {}, { react })
    await publish('x', 'one')
    await clock.advance(60_000)
    expect(bodies).toHaveLength(1)
    expect(reasons()).toEqual(['x.DLT: no-such-user'])
  })

  test('does not hold up the others, also of its topic', async () => {
    const { publish, clock, bodies } = await openNoting(
      'x',
      {},
      { react: ({ message }) => (bodyText(message) === 'stuck' ? never() : undefined) },
    )
    await publish('x', 'stuck')
    for (let index = 0; index < 50; index += 1) await publish('x', String(index))
    await clock.advance(10)
    expect(bodies).toHaveLength(51)
  })
})

describe('a handler that never settles', () => {
  test('is cut, told so by its signal, and its message dead-lettered', async () => {
    const aborted = vi.fn()
    const { publish, clock, reasons, row, imbalance } = await openNoting(
      'x',
      { timeoutMs: 5_000, retry: { maxAttempts: 2 } },
      {
        react: ({ signal }) => {
          signal.addEventListener('abort', aborted)
          return never()
        },
      },
    )
    await publish('x', 'one')
    await clock.advance(4_999)
    expect(aborted).not.toHaveBeenCalled()
    expect(row()).toMatchObject({ received: 1, inFlight: 1 })
    await clock.advance(60_000)
    expect(aborted).toHaveBeenCalledTimes(2)
    expect(reasons()).toEqual(['x.DLT: timeout'])
    expect(row()).toMatchObject({ deadLettered: 1, inFlight: 0 })
    expect(imbalance()).toEqual([0])
  })

  test('has the time that the settings give, where it says nothing itself', async () => {
    const { publish, clock, reasons } = await openNoting(
      'x',
      { retry: { maxAttempts: 1 } },
      { react: never, config: { handlerTimeoutMs: 1_000 } },
    )
    await publish('x', 'one')
    await clock.advance(999)
    expect(reasons()).toEqual([])
    await clock.advance(1)
    expect(reasons()).toEqual(['x.DLT: timeout'])
  })
})

test('without a dead-letter topic to write to, the message comes again until there is one', async () => {
  let refusals = 5
  const through = (driver: Driver): Driver => ({
    ...driver,
    publish: (topic, messages) =>
      topic === 'x.DLT' && refusals-- > 0
        ? Promise.reject(new PublishError('down', { topic, fault: 'unavailable' }))
        : driver.publish(topic, messages),
  })
  const { publish, clock, reasons, row, imbalance } = await openNoting(
    'x',
    { retry: { maxAttempts: 1 } },
    { react: failing, through },
  )
  await publish('x', 'bad')
  await clock.advance(60_000)
  expect(reasons()).toEqual(['x.DLT: failed'])
  expect(row()).toMatchObject({ received: 6, returned: 5, deadLettered: 1, inFlight: 0 })
  expect(imbalance()).toEqual([0])
})

test("serial: 'key' keeps the messages of a key in order, also while one is tried again", async () => {
  let failures = 1
  const done: string[] = []
  const { publish, clock } = await openNoting(
    'x',
    { serial: 'key', retry: { immediateAttempts: 0, firstDelayMs: 1_000, maxAttempts: 3 } },
    {
      react: ({ message }) => {
        if (bodyText(message) === 'a1' && failures-- > 0) return failing()
        return void done.push(bodyText(message))
      },
    },
  )
  for (const body of ['a1', 'a2', 'b1', 'a3']) await publish('x', body, { key: body.slice(0, 1) })
  await clock.advance(60_000)
  expect(done.filter((body) => body.startsWith('a'))).toEqual(['a1', 'a2', 'a3'])
  expect(done).toHaveLength(4)
})

describe('bodies from outside', () => {
  const schema = z.object({ name: z.string() })

  test.each([
    ['a lone surrogate', '"\\ud800"'],
    ['NUL', '"\\u0000"'],
    ['U+2028', '"\u2028"'],
  ])('%s reaches the handler as it was sent', async (_, json) => {
    const names: string[] = []
    const handler = on('x', { name: 'one', schema }, ({ data }) => void names.push(data.name))
    const world = await openWorld({ handlers: () => [handler] })
    await world.service.start()
    await world.publish('x', `{"name":${json}}`)
    await world.clock.advance(10)
    expect(names).toEqual([JSON.parse(json)])
  })
})

describe('the end', () => {
  test('what is under way is finished, nothing new is taken', async () => {
    const gate = Promise.withResolvers<void>()
    const { publish, clock, bodies, service, row } = await openNoting('x', {}, { react: () => gate.promise })
    await publish('x', 'one')
    await clock.advance(10)
    await service.stopIntake?.()
    await publish('x', 'two')
    await clock.advance(10)
    const finished = vi.fn()
    const finishing = service.finish?.().then(finished)
    await clock.advance(10)
    expect(finished).not.toHaveBeenCalled()
    gate.resolve()
    await finishing
    await service.close()
    await service.close()
    expect(bodies).toEqual(['one'])
    expect(row()).toMatchObject({ received: 1, acked: 1, inFlight: 0 })
    expect(clock.pending).toBe(0)
  })

  test('a handler that does not come to an end in half the time gives its message back', async () => {
    const { publish, clock, service, row, broker, imbalance } = await openNoting(
      'x',
      { timeoutMs: 600_000 },
      {
        react: ({ signal }) =>
          new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('gave up')))),
      },
    )
    await publish('x', 'one')
    await clock.advance(10)
    await service.stopIntake?.()
    const finished = service.finish?.()
    await clock.advance(5_000)
    await finished
    await service.close()
    expect(row()).toMatchObject({ received: 1, returned: 1, deadLettered: 0, inFlight: 0 })
    expect(imbalance()).toEqual([0])
    const left: string[] = []
    await broker.connect().subscribe('x', (delivery) => Promise.resolve(void left.push(bodyText(delivery))), {
      group: 'reactor.noting',
    })
    await clock.advance(1_000)
    expect(left).toEqual(['one'])
  })

  test('it says what it waits for, on one line', async () => {
    const { service } = await openWorld()
    expect(service.waitsFor).toMatch(/^waits for messages on alerts\.> .*MESSAGING_URL.*$/)
    expect(service.waitsFor).not.toContain('\n')
  })

  test('a broker that cannot be had', async () => {
    const { service } = await openWorld({
      through: () => {
        throw new Error('refused')
      },
    })
    await expect(service.start()).rejects.toThrow('refused')
    await service.close()
  })
})
