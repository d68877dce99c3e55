import { drivenClock } from '@armature/async/clock'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { join } from '@armature/messaging/join'
import { message } from '@armature/messaging/message'
import { on } from '@armature/messaging/on'
import { imbalance } from '@armature/telemetry/ledger'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { expect, onTestFinished, test, vi } from 'vitest'
import * as z from 'zod'
import { commonSettings, messagingSettings } from '@armature/config/common'
import { createConsumer, type StartTools } from '../src/consumer.ts'
import { consumerSettings } from '../src/consumer-settings.ts'

const settings = z.object({ ...commonSettings, ...messagingSettings, ...consumerSettings('billing') })
const body = (text: string) => message('orders', text)

const fixture = (react: (text: string, signal: AbortSignal) => Promise<void>) => {
  const clock = drivenClock()
  const broker = memoryBroker({ clock, partitions: 1 })
  const consumer = createConsumer({
    name: 'billing',
    config: settings.parse({}),
    edges: { telemetry: testTelemetry('billing'), clock, openMessaging: async () => broker.connect() },
    handlers: [
      on('orders', { name: 'store', retry: { maxAttempts: 1 } }, ({ message: { body: bytes }, signal }) =>
        react(Buffer.from(bytes).toString(), signal),
      ),
    ],
  })
  onTestFinished(() => consumer.close())
  return { clock, consumer, client: broker.connect() }
}

test('handles what is published, dead-letters what fails, and its books balance', async () => {
  const seen: string[] = []
  const { clock, consumer, client } = fixture(async (text) => {
    if (text === 'bad') throw new Error('no')
    seen.push(text)
  })
  await consumer.start()
  const letters: string[] = []
  await client.subscribe('orders.DLT', async ({ headers }) => void letters.push(headers['dlt-handler'] ?? ''))
  await client.publish('orders', [body('one'), body('bad'), body('two')])
  await clock.advance(10)
  expect(seen).toEqual(['one', 'two'])
  expect(letters).toEqual(['store'])
  await consumer.stopIntake?.()
  await consumer.finish?.()
  expect(consumer.ledger().map(imbalance)).toEqual([0])
  expect(consumer.waitsFor).toMatch(/^waits for messages on orders at memory:/)
})

test('a drain tells a handler that hangs to give up in half of the deadline, and its message comes again', async () => {
  let signal: AbortSignal | undefined
  const { clock, consumer, client } = fixture((_text, given) => {
    signal = given
    return new Promise((_resolve, reject) => given.addEventListener('abort', () => reject(new Error('told'))))
  })
  await consumer.start()
  await client.publish('orders', [body('slow')])
  await clock.advance(10)
  await consumer.stopIntake?.()
  const finished = consumer.finish?.()
  const halfMs = settings.parse({}).drainDeadlineMs / 2
  await clock.advance(halfMs - 1)
  expect(signal?.aborted).toBe(false)
  await clock.advance(1)
  await finished
  expect(signal?.aborted).toBe(true)
  await consumer.close()
  const again = vi.fn(async () => undefined)
  await client.subscribe('orders', again, { group: 'billing.store' })
  await clock.advance(10)
  expect(again).toHaveBeenCalledOnce()
})

const withOpened = (closed: string[], driverFails = false) => {
  const broker = memoryBroker({ clock: drivenClock() })
  const driver = broker.connect()
  const close = async () => {
    await driver.close()
    closed.push('driver')
    if (driverFails) throw new Error('the broker is away')
  }
  return createConsumer({
    name: 'billing',
    config: settings.parse({}),
    edges: { telemetry: testTelemetry('billing'), openMessaging: async () => ({ ...driver, close }) },
    handlers: async ({ onClose }) => {
      onClose(async () => void closed.push('database'))
      onClose(async () => void closed.push('cache'))
      return [on('orders', { name: 'store' }, () => undefined)]
    },
  })
}

test('what the handlers opened is opened at the start, and closed last, the last opened first', async () => {
  const closed: string[] = []
  const consumer = withOpened(closed)
  expect(consumer.waitsFor).not.toContain('orders')
  await consumer.start()
  expect(consumer.waitsFor).toContain('orders')
  await consumer.close()
  await consumer.close()
  expect(closed).toEqual(['driver', 'cache', 'database', 'driver'])
})

test('what the handlers opened is closed also where the broker is not', async () => {
  const closed: string[] = []
  const consumer = withOpened(closed, true)
  await consumer.start()
  await expect(consumer.close()).rejects.toThrow('the broker is away')
  expect(closed).toEqual(['driver', 'cache', 'database'])
})

/** A consumer whose handlers wait for `database`, and a stop in the middle of that. */
const stoppedWhileOpening = async (opening: (tools: StartTools) => Promise<void>) => {
  const broker = memoryBroker({ clock: drivenClock() })
  const stop = new AbortController()
  const consumer = createConsumer({
    name: 'billing',
    config: settings.parse({}),
    edges: { telemetry: testTelemetry('billing'), openMessaging: async () => broker.connect() },
    handlers: async (tools) => {
      const opened = opening(tools)
      stop.abort(new Error('stop'))
      await opened
      return [on('orders', { name: 'store' }, () => undefined)]
    },
  })
  await expect(consumer.start(stop.signal)).rejects.toThrow('stop')
  await consumer.close()
}

test('bug: a stop while the handlers opened a database was heard only when that was open', async () => {
  const closed: string[] = []
  await stoppedWhileOpening(({ onClose, stopping }) => {
    onClose(async () => void closed.push('cache'))
    expect(stopping.aborted).toBe(false)
    return new Promise((_resolve, reject) => stopping.addEventListener('abort', () => reject(new Error('given up'))))
  })
  expect(closed).toEqual(['cache'])
})

test('what handlers open although they were told to stop is closed at once', async () => {
  const closed: string[] = []
  const database = Promise.withResolvers<void>()
  await stoppedWhileOpening(async ({ onClose }) => {
    await database.promise
    onClose(async () => void closed.push('database'))
    onClose(() => Promise.reject(new Error('gone already')))
  })
  expect(closed).toEqual([])
  database.resolve()
  await vi.waitFor(() => expect(closed).toEqual(['database']))
})

test('bug: a stop while a broker was slow to subscribe was heard only when it had', async () => {
  const driver = memoryBroker({ clock: drivenClock() }).connect()
  const stop = new AbortController()
  const subscribe = (): Promise<never> => {
    stop.abort(new Error('stop'))
    return new Promise(() => undefined)
  }
  const consumer = createConsumer({
    name: 'billing',
    config: settings.parse({}),
    edges: { telemetry: testTelemetry('billing'), openMessaging: async () => ({ ...driver, subscribe }) },
    handlers: [on('orders', { name: 'store' }, () => undefined)],
  })
  await expect(consumer.start(stop.signal)).rejects.toThrow('stop')
  await consumer.close()
})

test('bug: two handlers of one name shared a consumer group, so that each got some of the messages', async () => {
  const driver = memoryBroker({ clock: drivenClock() }).connect()
  const subscribe = vi.fn(driver.subscribe)
  const consumer = createConsumer({
    name: 'billing',
    config: settings.parse({}),
    edges: { telemetry: testTelemetry('billing'), openMessaging: async () => ({ ...driver, subscribe }) },
    handlers: [
      ...join(
        { name: 'settle', topics: { order: 'a', payment: 'b' }, keyOf: () => '', when: 'all', windowMs: 1 },
        () => undefined,
      ),
      on('orders', { name: 'settle-order' }, () => undefined),
    ],
  })
  await expect(consumer.start()).rejects.toMatchObject({
    message: 'two handlers of billing are named settle-order, and would share a consumer group',
    exitCode: 70,
    fix: 'Give each its own name',
  })
  expect(subscribe).not.toHaveBeenCalled()
  await consumer.close()
})
