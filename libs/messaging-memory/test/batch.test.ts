import { describe, expect, test } from 'vitest'
import { subscribeBatch, type BatchOptions, type BatchPolicy, type BatchReason } from '@armature/messaging/batch'
import type { Outcome } from '@armature/messaging/batches'
import { drivenClock } from '@armature/async/clock'
import { memoryBroker } from '../src/broker.ts'
import { bodyText, message } from '@armature/messaging/message'
import type { Delivery, Middleware } from '@armature/messaging/ports'

const policy = { count: 3, bytes: 1_000, periodMs: 50 }

/** A batch subscription on a broker of one partition; `batches` are the bodies handed over, with the reason. */
const fixture = async (
  policyPart: Partial<BatchPolicy> = {},
  outcomes: (batch: readonly Delivery[]) => Promise<readonly Outcome[]> = async (batch) => batch.map(() => 'ok'),
  options: BatchOptions = {},
) => {
  const clock = drivenClock()
  const broker = memoryBroker({ clock, partitions: 1 })
  const client = broker.connect()
  const batches: string[] = []
  const subscription = await subscribeBatch(
    client,
    't',
    { ...policy, clock, ...policyPart },
    (batch, reason: BatchReason) => {
      batches.push(`${reason} ${batch.map((each) => bodyText(each)).join('')}`)
      return outcomes(batch)
    },
    { group: 'g', ...options },
  )
  const publish = async (...bodies: string[]) => {
    await client.publish(
      't',
      bodies.map((body) => message('t', body)),
    )
    await clock.advance(0)
  }
  return { clock, broker, client, batches, subscription, publish }
}

/** A promise and what settles it. */
const gate = () => {
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { open, opened }
}

describe('subscribeBatch', () => {
  test('hands over at the count, and the rest at the period', async () => {
    const { clock, batches, publish, broker } = await fixture()
    await publish('a', 'b', 'c', 'd')
    expect(batches).toEqual(['count abc'])
    await clock.advance(49)
    expect(batches).toEqual(['count abc'])
    await clock.advance(1)
    expect(batches).toEqual(['count abc', 'period d'])
    expect(broker.books()).toMatchObject({ acked: 4, inFlight: 0 })
  })

  test('counts the period from the first message of each batch', async () => {
    const { clock, batches, publish } = await fixture()
    await publish('a')
    await clock.advance(30)
    await publish('b', 'c')
    await publish('d')
    await clock.advance(49)
    expect(batches).toEqual(['count abc'])
    await clock.advance(1)
    expect(batches).toEqual(['count abc', 'period d'])
  })

  test('never exceeds the bytes, except by one message that is larger by itself', async () => {
    const { clock, batches, publish } = await fixture({ bytes: 4 })
    await publish('aa', 'bbb', 'c', 'dddddd', 'e')
    await clock.advance(50)
    expect(batches).toEqual(['size aa', 'size bbbc', 'size dddddd', 'period e'])
  })

  test('settles each message by its own outcome', async () => {
    let calls = 0
    const { clock, broker, batches, publish } = await fixture({}, async (batch) => {
      calls++
      return batch.map((each) => (calls === 1 && bodyText(each) === 'b' ? { error: new Error('409') } : 'ok'))
    })
    await publish('a', 'b', 'c')
    expect(broker.books()).toMatchObject({ acked: 2, rejected: 1 })
    await clock.advance(150)
    expect(batches).toEqual(['count abc', 'period b'])
    expect(broker.books()).toMatchObject({ acked: 3, rejected: 1, inFlight: 0 })
  })

  const unknown: [string, (batch: readonly Delivery[]) => Promise<readonly Outcome[]>][] = [
    ['rejects', () => Promise.reject(new Error('503'))],
    [
      'throws',
      () => {
        throw new Error('503')
      },
    ],
    ['answers too few outcomes', async () => ['ok']],
    ['answers too many outcomes', async (batch) => ['ok', ...batch.map(() => 'ok' as const)]],
  ]
  test.each(unknown)('acknowledges nothing when the handler %s', async (_, outcomes) => {
    const { broker, publish } = await fixture({}, outcomes)
    await publish('a', 'b', 'c')
    expect(broker.books()).toMatchObject({ acked: 0, rejected: 3 })
  })

  test('middleware sees the outcome of each message by itself', async () => {
    const dead: string[] = []
    const middleware: Middleware = (next) => async (delivery) => {
      await next(delivery).catch(() => void dead.push(bodyText(delivery)))
    }
    const fail = async (batch: readonly Delivery[]) =>
      batch.map((each): Outcome => (bodyText(each) === 'b' ? { error: new Error('poison') } : 'ok'))
    const { broker, publish } = await fixture({}, fail, { middleware })
    await publish('a', 'b', 'c')
    expect(dead).toEqual(['b'])
    expect(broker.books()).toMatchObject({ acked: 3, rejected: 0 })
  })

  test('calls the handler no more at once than allowed, and holds back the broker meanwhile', async () => {
    const { open, opened } = gate()
    const outcomes = async (batch: readonly Delivery[]) => {
      await opened
      return batch.map(() => 'ok' as const)
    }
    const { batches, publish, subscription, clock } = await fixture({ maxBatchesInFlight: 2 }, outcomes)
    await publish(...'abcdefghijklmnop')
    await clock.advance(50)
    expect(batches).toEqual(['count abc', 'count def'])
    expect(subscription.inFlight).toBe(9)
    open()
    await clock.advance(50)
    expect(batches).toEqual(['count abc', 'count def', 'count ghi', 'count jkl', 'count mno', 'period p'])
  })

  test('stop hands the incomplete batch over; idle then waits for it', async () => {
    const { open, opened } = gate()
    const outcomes = async (batch: readonly Delivery[]) => {
      await opened
      return batch.map(() => 'ok' as const)
    }
    const { batches, publish, subscription, broker } = await fixture({}, outcomes)
    await publish('a', 'b')
    await subscription.stop()
    await publish('late')
    expect(batches).toEqual(['flush ab'])
    const idle = subscription.idle()
    open()
    await idle
    expect(broker.books()).toMatchObject({ acked: 2, inFlight: 0 })
  })

  test('a message that middleware tries again after stop does not wait for the period', async () => {
    let calls = 0
    const middleware: Middleware = (next) => (delivery) => next(delivery).catch(() => next(delivery))
    const fail = async (batch: readonly Delivery[]) => batch.map((): Outcome => (calls++ === 0 ? { error: 1 } : 'ok'))
    const { batches, publish, subscription, clock } = await fixture({ periodMs: 60_000 }, fail, { middleware })
    await publish('a')
    await subscription.stop()
    await clock.advance(0)
    expect(batches).toEqual(['flush a', 'period a'])
    await subscription.idle()
  })

  test('flush hands the incomplete batch over, once', async () => {
    const { batches, publish, subscription, clock } = await fixture()
    await publish('a')
    subscription.flush()
    subscription.flush()
    await clock.advance(100)
    expect(batches).toEqual(['flush a'])
  })

  test('close gives what is not handed over back to the broker', async () => {
    const { batches, publish, subscription, client, broker, clock } = await fixture()
    await publish('a', 'b')
    await subscription.close()
    await subscription.close()
    expect(subscription.inFlight).toBe(0)
    await clock.advance(100)
    expect(batches).toEqual([])
    const again: string[] = []
    await client.subscribe('t', async (each) => void again.push(`${bodyText(each)}${each.attempt}`), { group: 'g' })
    await clock.advance(0)
    expect(again).toEqual(['a2', 'b2'])
    expect(broker.books()).toMatchObject({ returned: 2, acked: 2, fenced: 2 })
  })

  const rejected: [string, Partial<BatchPolicy>, BatchOptions][] = [
    ['count is 0', { count: 0 }, {}],
    ['bytes is NaN', { bytes: Number.NaN }, {}],
    ['periodMs is -1', { periodMs: -1 }, {}],
    ['maxBatchesInFlight of the batch is 0.5', { maxBatchesInFlight: 0.5 }, {}],
    ['maxInFlight (2) is below', {}, { maxInFlight: 2 }],
  ]
  test.each(rejected)('refuses a policy whose %s', async (problem, policyPart, options) => {
    const words = problem.replace(/^(count|bytes|periodMs) is/, '$1 of the batch is')
    await expect(fixture(policyPart, undefined, options)).rejects.toThrow(words)
  })
})
