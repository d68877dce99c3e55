import { describe, expect, test } from 'vitest'
import { delivery, keeping } from './testing-delivery.ts'
import { outcomeOf } from '@armature/async/testing-outcome'
import { drivenClock } from '@armature/async/clock'
import { delay } from './delay.ts'
import { duplicate } from './duplicate.ts'
import type { Handler, Middleware } from './ports.ts'
import { randomFail } from './random-fail.ts'
import { reorder } from './reorder.ts'

const ids = Array.from({ length: 200 }, (_, index) => `m${index}`)

/** Delivers all ids at once; answers what the handler saw and what became of them, as one text. */
const run = async (middleware: Middleware, clock = drivenClock()) => {
  const seen: string[] = []
  const handler: Handler = async ({ id, attempt }) => void seen.push(`${id}:${attempt}@${clock.now()}`)
  const wrapped = middleware(handler)
  const outcomes = ids.map((id) => outcomeOf(wrapped(delivery({ id }))))
  await clock.advance(10_000)
  return { seen, outcomes: outcomes.map(({ state }) => state) }
}

const chaos: [string, (seed: number, clock: ReturnType<typeof drivenClock>) => Middleware][] = [
  ['random-fail', (seed) => randomFail({ rate: 0.3, seed })],
  ['duplicate', (seed) => duplicate({ rate: 0.3, seed })],
  ['reorder', (seed, clock) => reorder({ seed, clock })],
  ['delay', (seed, clock) => delay({ maxMs: 1_000, seed, clock })],
]

test.each(chaos)('%s does the same for the same seed, and not for another', async (_, make) => {
  const [one, again, other] = await Promise.all(
    [7, 7, 8].map((seed) => {
      const clock = drivenClock()
      return run(make(seed, clock), clock)
    }),
  )
  expect(again).toEqual(one)
  expect(other).not.toEqual(one)
})

describe('random-fail', () => {
  test('before: fails about as many as it is told to, and does not call the handler for them', async () => {
    const { seen, outcomes } = await run(randomFail({ rate: 0.3 }))
    const failed = outcomes.filter((state) => state === 'rejected').length
    expect(failed).toBeGreaterThan(30)
    expect(failed).toBeLessThan(90)
    expect(seen).toHaveLength(200 - failed)
  })

  test('after: the handler was called for them', async () => {
    const { seen, outcomes } = await run(randomFail({ rate: 0.3, when: 'after' }))
    expect(outcomes).toContain('rejected')
    expect(seen).toHaveLength(200)
  })

  test.each([
    [0, 'resolved'],
    [1, 'rejected'],
  ])('a rate of %d fails none or all', async (rate, state) => {
    expect(new Set((await run(randomFail({ rate }))).outcomes)).toEqual(new Set([state]))
  })

  test('rejects with what it is told to', async () => {
    const wrapped = randomFail({ rate: 1, error: () => new RangeError('mine') })(keeping().handler)
    await expect(wrapped(delivery())).rejects.toThrow(RangeError)
  })
})

describe('duplicate', () => {
  test('hands on all, and some again as a further attempt', async () => {
    const { seen } = await run(duplicate({ rate: 0.5, copies: 2 }))
    expect(new Set(seen.filter((one) => one.includes(':1@'))).size).toBe(200)
    const repeats = seen.length - 200
    expect(repeats).toBeGreaterThan(100)
    expect(repeats).toBeLessThan(300)
    expect(seen.filter((one) => one.includes(':3@'))).toHaveLength(repeats / 2)
  })

  test('rejects when a repeat did', async () => {
    let calls = 0
    const wrapped = duplicate({ rate: 1 })(async () => {
      if (++calls === 2) throw new Error('second')
    })
    await expect(wrapped(delivery())).rejects.toThrow('second')
  })
})

describe('reorder', () => {
  test('hands on all, in another order, none further than the window', async () => {
    const clock = drivenClock()
    const { seen } = await run(reorder({ window: 8, clock }), clock)
    const order = seen.map((one) => Number(/\d+/.exec(one)?.[0]))
    expect(order).not.toEqual([...order].sort((a, b) => a - b))
    expect([...order].sort((a, b) => a - b)).toEqual(ids.map((_, index) => index))
    for (const [place, index] of order.entries()) expect(Math.abs(place - index)).toBeLessThan(8)
  })

  test('hands on fewer than the window when the time is over', async () => {
    const clock = drivenClock()
    const outcome = outcomeOf(reorder({ window: 8, maxHoldMs: 100, clock })(keeping().handler)(delivery()))
    await clock.advance(99)
    expect(outcome.state).toBe('pending')
    await clock.advance(1)
    expect(outcome.state).toBe('resolved')
  })

  test('an abort ends the wait', async () => {
    const clock = drivenClock()
    const controller = new AbortController()
    const { handler, seen } = keeping()
    const outcome = outcomeOf(reorder({ clock })(handler)(delivery({ signal: controller.signal })))
    controller.abort(new Error('closing'))
    await clock.advance(1_000)
    expect(outcome).toMatchObject({ state: 'rejected', error: { message: 'closing' } })
    expect(seen).toEqual([])
  })
})

describe('delay', () => {
  test('waits within its limits', async () => {
    const clock = drivenClock()
    const { seen } = await run(delay({ minMs: 100, maxMs: 400, clock }), clock)
    const times = seen.map((one) => Number(one.split('@')[1]))
    expect(times).toHaveLength(200)
    expect(Math.min(...times)).toBeGreaterThanOrEqual(100)
    expect(Math.max(...times)).toBeLessThanOrEqual(400)
    expect(new Set(times).size).toBeGreaterThan(100)
  })
})

test.each([
  () => randomFail({ rate: 1.1 }),
  () => duplicate({ rate: -0.1 }),
  () => duplicate({ rate: 0, copies: 0 }),
  () => reorder({ window: 0 }),
  () => delay({ minMs: 2, maxMs: 1 }),
])('refuses %s', (make) => {
  expect(make).toThrow(RangeError)
})
