import { describe, expect, test } from 'vitest'
import { drivenClock } from '@armature/async/clock'
import { PublishError } from '@armature/messaging/errors'
import { message, type Message } from '@armature/messaging/message'
import { createOutbox } from './outbox.ts'

const unavailable = () => new PublishError('no broker', { topic: 'alerts.x', fault: 'unavailable' })

const bench = (publish: (messages: readonly Message[]) => Promise<void>, maxQueued = 10) => {
  const clock = drivenClock()
  const bench = { clock, published: [] as string[], delays: [] as number[], dropped: [] as string[] }
  const outbox = createOutbox({
    publisher: { publish: (_, messages) => publish(messages) },
    clock,
    random: () => 0.5,
    maxQueued,
    publishTimeoutMs: 10_000,
    onPublished: ({ id }) => bench.published.push(id),
    onRetry: (_, __, delayMs) => bench.delays.push(delayMs),
    onDropped: ({ id }) => bench.dropped.push(id),
  })
  const offer = (...ids: string[]) => ids.map((id) => outbox.offer(message('alerts.x', id, { id })))
  return Object.assign(bench, { outbox, offer })
}

test('messages are published one by one, in order', async () => {
  const calls: string[][] = []
  const { outbox, offer, published } = bench((messages) => {
    calls.push(messages.map(({ id }) => id))
    return Promise.resolve()
  })
  expect(offer('a', 'b', 'c')).toEqual([true, true, true])
  await outbox.idle()
  expect(published).toEqual(['a', 'b', 'c'])
  expect(calls).toEqual([['a'], ['b'], ['c']])
  expect(outbox.size).toBe(0)
})

describe('a broker that fails', () => {
  test('gets the same message again, later each time and at most 30 s later, and the order is kept', async () => {
    let failures = 12
    const { outbox, offer, published, delays, clock } = bench(() =>
      failures-- > 0 ? Promise.reject(unavailable()) : Promise.resolve(),
    )
    offer('a', 'b')
    await clock.advance(1_000)
    expect(outbox.failing).toMatch('no broker')
    expect(outbox.size).toBe(2)
    await clock.advance(300_000)
    expect(published).toEqual(['a', 'b'])
    expect(delays).toEqual([50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 15000, 15000, 15000])
    expect(outbox.failing).toBeUndefined()
  })

  test('and never answers is given up after the timeout and asked again', async () => {
    let calls = 0
    const { offer, published, clock } = bench(() => (++calls === 1 ? new Promise(() => undefined) : Promise.resolve()))
    offer('a')
    await clock.advance(9_999)
    expect(published).toEqual([])
    await clock.advance(1_000)
    expect(published).toEqual(['a'])
  })

  test('throws before it promises', async () => {
    let calls = 0
    const { offer, published, clock } = bench(() => {
      calls += 1
      if (calls === 1) throw unavailable()
      return Promise.resolve()
    })
    offer('a')
    await clock.advance(1_000)
    expect(published).toEqual(['a'])
  })

  test.each(['bad-topic', 'bad-message', 'too-large'] as const)(
    '%s for ever: that message is dropped, the rest flows',
    async (fault) => {
      const { outbox, offer, published, dropped } = bench(([first]) =>
        first?.id === 'bad' ? Promise.reject(new PublishError('no', { topic: 'alerts.x', fault })) : Promise.resolve(),
      )
      offer('bad', 'good')
      await outbox.idle()
      expect(dropped).toEqual(['bad'])
      expect(published).toEqual(['good'])
    },
  )

  test('has a bounded number of messages waiting for it', () => {
    const { outbox, offer } = bench(() => new Promise(() => undefined), 2)
    expect(offer('a', 'b', 'c')).toEqual([true, true, false])
    expect(outbox.size).toBe(2)
  })
})

describe('a topic that nobody reads', () => {
  const unroutable = (topic: string) => new PublishError('nobody', { topic, fault: 'unroutable' })

  test('bug: its alert was dropped: it waits until somebody reads it, others pass, each topic in order', async () => {
    let isRead = false
    const { outbox, published, delays, dropped, clock } = bench(([first]) =>
      first?.topic === 'alerts.unread' && !isRead ? Promise.reject(unroutable(first.topic)) : Promise.resolve(),
    )
    for (const id of ['u1', 'r1', 'u2', 'r2'])
      outbox.offer(message(id.startsWith('u') ? 'alerts.unread' : 'alerts.read', id, { id }))
    const idle = outbox.idle()
    await clock.advance(40)
    expect(published).toEqual(['r1', 'r2'])
    expect(outbox.failing).toMatch('nobody')
    await clock.advance(1_000)
    expect(delays.slice(0, 4)).toEqual([50, 100, 200, 400])
    isRead = true
    await clock.advance(30_000)
    await idle
    expect(published).toEqual(['r1', 'r2', 'u1', 'u2'])
    expect([dropped, outbox.size, outbox.failing]).toEqual([[], 0, undefined])
  })

  test('asks no more after close', async () => {
    let calls = 0
    const { outbox, offer, clock } = bench(() => {
      calls += 1
      return Promise.reject(unroutable('alerts.x'))
    })
    offer('a')
    await clock.advance(60)
    const before = calls
    expect(outbox.close().map(({ id }) => id)).toEqual(['a'])
    await clock.advance(100_000)
    expect(calls).toBe(before)
  })
})

test('close gives up waiting, answers what is left and takes no more', async () => {
  const { outbox, offer, published } = bench(() => Promise.reject(unavailable()))
  offer('a', 'b')
  const idle = outbox.idle()
  expect(outbox.close().map(({ id }) => id)).toEqual(['a', 'b'])
  await idle
  expect(offer('c')).toEqual([false])
  expect(published).toEqual([])
})
