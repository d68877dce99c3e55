import { drivenClock } from '@armature/async/clock'
import { outcomeOf } from '@armature/async/testing-outcome'
import { message } from '@armature/messaging/message'
import { runOf } from '@armature/messaging/testing-message-run'
import type { Guarantees, Subscription } from '@armature/messaging/ports'
import { expect, test } from 'vitest'
import { createDriver, type DriverParts } from './create-driver.ts'

const plain: Guarantees = {
  atLeastOnce: false,
  order: 'none',
  replay: false,
  groups: false,
  wildcards: false,
  headers: true,
  delay: false,
}

const never = () => new Promise<void>(() => undefined)
const one = message('t', 'x')

const fixture = (given: Partial<DriverParts> = {}) => {
  const calls: string[] = []
  const clock = drivenClock()
  const note = (what: string) => async () => void calls.push(what)
  const subscription: Subscription = { stop: note('stop'), close: note('close'), idle: async () => {}, inFlight: 0 }
  const driver = createDriver({
    scheme: 'test',
    guarantees: plain,
    instead: 'use other:',
    limits: { maxMessageBytes: 10 },
    send: async (topic) => void calls.push(`send ${topic}`),
    open: async ({ topic }) => {
      calls.push(`open ${topic}`)
      return subscription
    },
    probe: async () => undefined,
    end: note('end'),
    closeWaitMs: 1_000,
    clock,
    ...given,
  })
  return { driver, calls, clock }
}
const handle = async () => undefined

test('sends what was checked, and nothing for no messages', async () => {
  const { driver, calls } = fixture()
  await driver.publish('t', [one])
  await driver.publish('t', [])
  await expect(driver.publish('t.*', [one])).rejects.toMatchObject({ fault: 'bad-topic' })
  await expect(driver.publish('t', [message('t', 'x'.repeat(11))])).rejects.toMatchObject({ fault: 'too-large' })
  expect(calls).toEqual(['send t'])
})

test('a run is published where the driver has a way for it, checked as its messages are, and waited for', async () => {
  expect(fixture().driver.publishRun).toBeUndefined()
  const sent: string[] = []
  let hold = Promise.resolve()
  const { driver } = fixture({
    sendRun: async (topic, { count }) => {
      sent.push(`${topic} ${count}`)
      await hold
    },
  })
  const run = (...bodies: string[]) => {
    const texts = bodies.map((body, number) => ({ body, number, timeMs: 0, kind: 0 }))
    return runOf(texts, { kinds: [{}], key: 'k', idPrefix: 'p' })
  }
  const publish = (topic: string, ...bodies: string[]) => driver.publishRun?.(topic, run(...bodies))
  await publish('t', 'a', 'b')
  await publish('t')
  await expect(publish('t.*', 'a')).rejects.toMatchObject({ fault: 'bad-topic' })
  await expect(publish('t', 'a', 'x'.repeat(11), 'b')).rejects.toMatchObject({ fault: 'too-large' })
  expect(sent).toEqual(['t 2'])
  const held = Promise.withResolvers<void>()
  hold = held.promise
  const publishing = publish('t', 'a')
  const closing = driver.close()
  const closed = outcomeOf(closing)
  await new Promise((resolve) => setImmediate(resolve))
  expect(closed.state).toBe('pending')
  held.resolve()
  await publishing
  await closing
  await expect(publish('t', 'a')).rejects.toMatchObject({ fault: 'closed' })
})

test('a run whose messages have keys of their own is published as these messages', async () => {
  const sent: string[] = []
  const { driver } = fixture({
    send: async (topic, messages) => void sent.push(...messages.map(({ key }) => `${topic} ${key}`)),
    sendRun: async () => void sent.push('a run'),
  })
  const texts = ['a', 'b'].map((body, number) => ({ body, number, timeMs: 0, kind: 0 }))
  await driver.publishRun?.('t', {
    ...runOf(texts, { kinds: [{}], key: 'k', idPrefix: 'p' }),
    keys: ['own', undefined],
  })
  expect(sent).toEqual(['t own', 't undefined'])
})

test('the protocol refuses topics of its own, to publish and to subscribe', async () => {
  const { driver } = fixture({
    checkTopic: () => {
      throw new Error('not here')
    },
  })
  await expect(driver.publish('t', [one])).rejects.toMatchObject({ fault: 'bad-topic', message: /not here/ })
  await expect(driver.subscribe('t', handle)).rejects.toThrow('not here')
})

test.each([
  ['wildcards', 't.*', {}],
  ['groups', 't', { group: 'g' }],
  ['replay', 't', { from: { offset: 0 } }],
] as const)(
  'what the driver does not declare is refused, with what to use instead: %s',
  async (name, topic, options) => {
    const { driver } = fixture()
    await expect(driver.subscribe(topic, handle, options)).rejects.toThrow('use other:')
    const able = fixture({ guarantees: { ...plain, [name]: true } })
    await able.driver.subscribe(topic, handle, options)
    expect(able.calls).toEqual([`open ${topic}`])
  },
)

test('closes once: subscriptions, then publishes under way, then the connections', async () => {
  const sent = Promise.withResolvers<void>()
  const { driver, calls, clock } = fixture({ send: () => sent.promise })
  await driver.subscribe('t', handle)
  const publishing = driver.publish('t', [one])
  const [first, second] = [driver.close(), driver.close()]
  await clock.advance(500)
  expect(calls).toEqual(['open t', 'stop', 'close'])
  sent.resolve()
  await Promise.all([first, second, publishing])
  expect(calls).toEqual(['open t', 'stop', 'close', 'end'])
  await expect(driver.publish('t', [one])).rejects.toMatchObject({ fault: 'closed' })
  await expect(driver.subscribe('t', handle)).rejects.toThrow('closed')
})

test('does not wait longer than closeWaitMs for a publish, nor for a subscription that hangs', async () => {
  const hanging: Subscription = { stop: never, close: never, idle: never, inFlight: 1 }
  const { driver, calls, clock } = fixture({ send: never, open: async () => hanging })
  await driver.subscribe('t', handle)
  void driver.publish('t', [one])
  const closing = outcomeOf(driver.close())
  await clock.advance(1_999)
  expect([closing.state, calls]).toEqual(['pending', []])
  await clock.advance(1)
  expect([closing.state, calls]).toEqual(['resolved', ['end']])
})

test('does not wait for publishes that cannot end without a connection', async () => {
  const { driver, calls, clock } = fixture({ send: never, isConnected: () => false })
  void driver.publish('t', [one])
  const closing = outcomeOf(driver.close())
  await clock.advance(1)
  expect([closing.state, calls]).toEqual(['resolved', ['end']])
})

test('a subscription that is opened while the driver closes is closed', async () => {
  const opened = Promise.withResolvers<void>()
  const { driver, calls } = fixture()
  const slow = fixture({
    open: async () => {
      await opened.promise
      return { stop: handle, close: async () => void slow.calls.push('closed'), idle: handle, inFlight: 0 }
    },
  })
  const subscribing = slow.driver.subscribe('t', handle)
  await slow.driver.close()
  opened.resolve()
  await expect(subscribing).rejects.toThrow('closed')
  expect(slow.calls).toEqual(['end', 'closed'])
  await driver.close()
  expect(calls).toEqual(['end'])
})

test('a subscription that was closed is not closed again with the driver', async () => {
  const { driver, calls } = fixture()
  const subscription = await driver.subscribe('t', handle)
  await subscription.close()
  await driver.close()
  expect(calls).toEqual(['open t', 'close', 'end'])
})

test('health is what the probe says, and what cannot be read', async () => {
  let answers = true
  const { driver, clock } = fixture({
    probe: async () => {
      if (!answers) throw new Error('gone')
    },
    unreadable: () => ['t/0: odd'],
  })
  await clock.advance(1_000)
  expect(driver.health()).toEqual({ lostMs: 0, unreadable: ['t/0: odd'] })
  answers = false
  await clock.advance(1_000)
  expect(driver.health().lostMs).toBeGreaterThan(0)
  await driver.close()
})

test('a broker without a probe, as one within the process, counts as there, and nothing waits on the clock', () => {
  const clock = drivenClock()
  const driver = createDriver({
    scheme: 'test',
    guarantees: plain,
    limits: { maxMessageBytes: 10 },
    send: never,
    open: () => never().then(() => Promise.reject(new Error('not reached'))),
    end: never,
    closeWaitMs: 1_000,
    clock,
  })
  expect(clock.pending).toBe(0)
  expect(driver.health()).toEqual({ lostMs: 0, unreadable: [] })
})
