import { describe, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { bodyText } from '@armature/messaging/message'
import { on, type OnOptions } from '@armature/messaging/on'
import { reactorMetrics } from '../src/reactor-metrics.ts'
import { openNoting, openWorld } from './world.ts'

const alert = { status: 'firing', name: 'cpu', severity: 'critical', summary: 'it is hot' }

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
    expect(
      world.metrics.value(reactorMetrics.reactor_handled_total, { handler: 'log-alert', outcome: 'handled' }),
    ).toBe(3)
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
    expect(metrics.value(reactorMetrics.reactor_handled_total, { outcome: 'filtered' })).toBe(2)
    expect(metrics.value(reactorMetrics.reactor_handled_total, { outcome: 'handled' })).toBe(1)
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
