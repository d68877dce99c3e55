import { describe, expect, test, vi } from 'vitest'
import { PublishError, UnrecoverableError } from '@armature/messaging/errors'
import { bodyText } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import { openNoting } from './world.ts'

const never = () => new Promise<void>(() => undefined)
const failing = () => Promise.reject(new Error('broken'))

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
