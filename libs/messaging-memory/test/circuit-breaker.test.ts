import { describe, expect, test } from 'vitest'
import { delivery } from '@armature/messaging/testing-delivery'
import { outcomeOf } from '@armature/async/testing-outcome'
import { circuitBreaker, type CircuitBreakerOptions, type CircuitState } from '@armature/messaging/circuit-breaker'
import { drivenClock } from '@armature/async/clock'
import { compose } from '@armature/messaging/compose'
import { deadLetter } from '@armature/messaging/dead-letter'
import { UnrecoverableError } from '@armature/messaging/errors'
import { memoryBroker } from '../src/broker.ts'
import { message } from '@armature/messaging/message'
import type { Handler } from '@armature/messaging/ports'
import { RedeliverError } from '@armature/messaging/redeliver-error'
import { retry } from '@armature/messaging/retry'

const open = (options: CircuitBreakerOptions = {}) => {
  const clock = drivenClock()
  const states: CircuitState[] = []
  /** Whether the service that the handler calls is up. */
  const works = { up: true }
  const called: [id: string, atMs: number][] = []
  let underWay = 0
  let mostUnderWay = 0
  const handler: Handler = async ({ id }) => {
    called.push([id, clock.now()])
    mostUnderWay = Math.max(mostUnderWay, ++underWay)
    await new Promise<void>((resolve) => clock.after(10, resolve))
    underWay--
    if (id.startsWith('poison')) throw new UnrecoverableError('poison', 'bad')
    if (id.startsWith('busy')) throw new RedeliverError('busy', 'busy')
    if (!works.up || id.startsWith('bad')) throw new Error('down')
  }
  const wrapped = circuitBreaker({
    clock,
    failures: 3,
    probeDelayMs: 1_000,
    onChange: (state) => states.push(state),
    ...options,
  })(handler)
  const handle = (id: string, signal?: AbortSignal) =>
    outcomeOf(wrapped(delivery({ id, ...(signal === undefined ? {} : { signal }) })))
  /** One after the other. */
  const handleAll = async (...ids: string[]) => {
    const outcomes = []
    for (const id of ids) {
      outcomes.push(handle(id))
      await clock.advance(10)
    }
    return outcomes
  }
  return {
    clock,
    states,
    works,
    called,
    calledIds: () => called.map(([id]) => id),
    resetMost: () => void (mostUnderWay = 0),
    mostUnderWay: () => mostUnderWay,
    handle,
    handleAll,
  }
}

describe('circuit breaker', () => {
  test('opens when as many messages in a row failed, not before', async () => {
    const { states, handleAll } = open()
    const outcomes = await handleAll('bad1', 'bad2')
    expect(outcomes).toMatchObject([{ error: { message: 'down' } }, { error: { message: 'down' } }])
    expect(states).toEqual([])
    const [third] = await handleAll('bad3')
    expect(states).toEqual(['open'])
    expect(third).toMatchObject({ state: 'rejected', error: { name: 'RedeliverError', reason: 'outage' } })
  })

  test.each([
    ['a success between', ['bad1', 'bad2', 'good', 'bad3', 'bad4']],
    ['the same message again', ['bad1', 'bad1', 'bad1', 'bad1']],
    ['unrecoverable errors', ['poison1', 'poison2', 'poison3', 'poison4']],
    ['messages that were to come again anyway', ['busy1', 'busy2', 'busy3', 'busy4']],
  ])('does not open for %s', async (_, ids) => {
    const { states, handleAll } = open()
    await handleAll(...ids)
    expect(states).toEqual([])
  })

  test('a failure counts no more after the window', async () => {
    const { clock, states, handleAll } = open({ windowMs: 500 })
    await handleAll('bad1', 'bad2')
    await clock.advance(500)
    await handleAll('bad3', 'bad4')
    expect(states).toEqual([])
    await handleAll('bad5')
    expect(states).toEqual(['open'])
  })

  test('holds the rest back, tries one at a time until success, then lets all go on', async () => {
    const { clock, states, works, calledIds, called, handle, handleAll, mostUnderWay, resetMost } = open()
    works.up = false
    await handleAll('a', 'b', 'c')
    resetMost()
    const outcomes = ['d', 'e', 'f', 'g', 'h'].map((id) => handle(id))
    await clock.advance(989)
    expect(calledIds()).toEqual(['a', 'b', 'c'])
    await clock.advance(2_030)
    expect(calledIds()).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(outcomes.map(({ state }) => state)).toEqual(['rejected', 'rejected', 'pending', 'pending', 'pending'])
    expect(outcomes[0]?.error).toMatchObject({ reason: 'outage', cause: { message: 'down' } })
    expect(mostUnderWay()).toBe(1)
    works.up = true
    await clock.advance(1_100)
    expect(calledIds()).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'])
    expect(outcomes.slice(2).map(({ state }) => state)).toEqual(['resolved', 'resolved', 'resolved'])
    expect(states).toEqual(['open', 'half-open', 'open', 'half-open', 'open', 'half-open', 'closed'])
    const probesMs = called.slice(3, 6).map(([, atMs]) => atMs)
    expect(probesMs.map((atMs, index) => atMs - (probesMs[index - 1] ?? 30))).toEqual([1_000, 1_010, 1_010])
  })

  test('the next message is the probe where none waits', async () => {
    const { clock, states, handle, handleAll, calledIds } = open()
    await handleAll('bad1', 'bad2', 'bad3')
    await clock.advance(5_000)
    expect(states).toEqual(['open', 'half-open'])
    const outcomes = [handle('good1'), handle('good2')]
    await clock.advance(5)
    expect(calledIds().slice(3)).toEqual(['good1'])
    await clock.advance(100)
    expect(outcomes.map(({ state }) => state)).toEqual(['resolved', 'resolved'])
  })

  test('a bad message as the probe says nothing: the next one is tried at once', async () => {
    const { clock, states, handle, handleAll } = open()
    await handleAll('bad1', 'bad2', 'bad3')
    const outcomes = [handle('poison'), handle('good')]
    await clock.advance(1_050)
    expect(outcomes).toMatchObject([{ state: 'rejected', error: { reason: 'poison' } }, { state: 'resolved' }])
    expect(states.at(-1)).toBe('closed')
  })

  test('what was under way when it opened comes again', async () => {
    const { clock, works, handle } = open()
    works.up = false
    const outcomes = ['a', 'b', 'c', 'd'].map((id) => handle(id))
    await clock.advance(10)
    expect(outcomes.map(({ error }) => (error as Error).name)).toEqual([
      'Error',
      'Error',
      'RedeliverError',
      'RedeliverError',
    ])
  })

  test('an abort ends the wait', async () => {
    const { clock, handle, handleAll, calledIds } = open()
    await handleAll('bad1', 'bad2', 'bad3')
    const controller = new AbortController()
    const outcome = handle('good', controller.signal)
    controller.abort(new Error('closing'))
    await clock.advance(5_000)
    expect(outcome).toMatchObject({ state: 'rejected', error: { message: 'closing' } })
    expect(calledIds()).not.toContain('good')
  })

  test('an aborted probe gives its turn on', async () => {
    const { clock, handle, handleAll, states } = open()
    await handleAll('bad1', 'bad2', 'bad3')
    const controller = new AbortController()
    const probe = handle('bad4', controller.signal)
    const next = handle('good')
    await clock.advance(1_005)
    controller.abort(new Error('closing'))
    await clock.advance(50)
    expect(probe).toMatchObject({ state: 'rejected', error: { message: 'down' } })
    expect(next.state).toBe('resolved')
    expect(states.at(-1)).toBe('closed')
  })

  test('rejects what is too much to wait, to come again', async () => {
    const { clock, handle, handleAll } = open({ maxWaiting: 1 })
    await handleAll('bad1', 'bad2', 'bad3')
    const outcomes = [handle('good1'), handle('good2')]
    await clock.advance(0)
    expect(outcomes).toMatchObject([{ state: 'pending' }, { state: 'rejected', error: { reason: 'outage' } }])
  })

  test.each([{ failures: 0 }, { windowMs: 0 }, { probeDelayMs: -1 }, { maxWaiting: NaN }])('refuses %o', (options) => {
    expect(() => circuitBreaker(options)).toThrow(RangeError)
  })

  test('over a broker: an outage loses nothing and dead-letters no more than what failed before it was one', async () => {
    const clock = drivenClock()
    const client = memoryBroker({ clock }).connect()
    const works = { up: true }
    const stored = new Set<string>()
    const dead = new Set<string>()
    await client.subscribe('t.DLT', async ({ id }) => void dead.add(id))
    const handler = compose(
      deadLetter({ publisher: client, handler: 'h', clock }),
      circuitBreaker({ clock, failures: 3 }),
      retry({ clock, maxAttempts: 2 }),
    )(async ({ id }) => {
      await new Promise<void>((resolve) => clock.after(5, resolve))
      if (id === 'poison') throw new UnrecoverableError('poison', 'bad')
      if (!works.up) throw new Error('down')
      stored.add(id)
    })
    await client.subscribe('t', handler, { group: 'g', maxInFlight: 20 })
    const publish = (...ids: string[]) =>
      client.publish(
        't',
        ids.map((id) => message('t', 'x', { id })),
      )
    await publish('before')
    await clock.advance(100)
    works.up = false
    await publish(...Array.from({ length: 50 }, (_, index) => `m${index}`), 'poison')
    await clock.advance(600_000)
    works.up = true
    await clock.advance(60_000)
    expect(stored.size + dead.size).toBe(52)
    expect(dead).toContain('poison')
    expect(dead.size).toBeLessThanOrEqual(1 + 2)
  })
})
