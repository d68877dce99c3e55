import { drivenClock } from '@armature/async/clock'
import { UnrecoverableError } from '@armature/messaging/errors'
import { bodyText } from '@armature/messaging/message'
import { RedeliverError } from '@armature/messaging/redeliver-error'
import { commonMetrics } from '@armature/telemetry/common-metrics'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { describe, expect, test } from 'vitest'
import { delivery } from '../test/deliveries.ts'
import type { Sink, SinkItem } from './sink.ts'
import { groupWriter } from './write-group.ts'

const batchOf = (length: number) =>
  ({
    correlationKey: 'k',
    messages: Array.from({ length }, (_, index) => delivery(String(index + 1))),
    mechanism: 'count',
  }) as const
const group = batchOf(2)

const down = (): Promise<never> => Promise.reject(new Error('down'))
const bodiesOf = (batch: readonly SinkItem[]) => batch.map(({ message }) => bodyText(message)).join(' ')

interface Options {
  readonly check?: Sink['check']
  readonly maxAttempts?: number
}

const scenario = (write: Sink['write'], { check = down, maxAttempts = 3 }: Options = {}) => {
  const clock = drivenClock()
  const closing = new AbortController()
  const faults: unknown[] = []
  const telemetry = testTelemetry()
  const writer = groupWriter({
    sink: { write, check },
    telemetry,
    clock,
    maxAttempts,
    retryDelayMs: 100,
    writeTimeoutMs: 5_000,
    closing: closing.signal,
    random: () => 1,
    onAttempt: (fault) => faults.push(fault),
  })
  return { clock, closing, faults, telemetry, writer }
}

test('written and duplicate are done; a rejected item is a dead letter with its reason', async () => {
  const { writer, telemetry } = scenario(async () => ['duplicate', { rejected: 'not-utf-8', problem: 'bytes' }])
  const [first, second] = await writer(group)
  expect(first).toBeUndefined()
  expect(second).toEqual(new UnrecoverableError('not-utf-8', 'bytes'))
  const labels = { component: 'aggregator', intentional: true, reason: 'duplicate' }
  expect(telemetry.metrics.value(commonMetrics.component_discarded_events_total, labels)).toBe(1)
})

describe('a sink that is out of order', () => {
  const allComeAgain = [expect.any(RedeliverError), expect.any(RedeliverError)]

  test('is waited for with growing delays', async () => {
    let calls = 0
    const { clock, writer, faults } = scenario(async () => {
      calls += 1
      if (calls < 3) throw new Error('down')
      return ['written', 'written']
    })
    const result = writer(group)
    await clock.advance(99)
    expect(calls).toBe(1)
    await clock.advance(1)
    expect(calls).toBe(2)
    await clock.advance(200)
    expect(await result).toEqual([undefined, undefined])
    expect(faults.map(Boolean)).toEqual([true, true, false])
  })

  test('gives the messages back after the last attempt, without halving them', async () => {
    const { clock, writer, telemetry } = scenario(down)
    const result = writer(group)
    await clock.advance(1_000)
    expect(await result).toEqual(allComeAgain)
    expect(telemetry.metrics.value(commonMetrics.component_errors_total)).toBe(3)
  })

  test('and answers too few outcomes leaves the outcome unknown', async () => {
    const { clock, writer } = scenario(async () => ['written'])
    const result = writer(group)
    await clock.advance(1_000)
    expect(await result).toEqual(allComeAgain)
  })

  test('and never settles a write is given up, and the batch is written again', async () => {
    let calls = 0
    const { clock, writer } = scenario(() => {
      calls += 1
      return calls === 1 ? new Promise(() => undefined) : Promise.resolve(['written', 'written'])
    })
    const result = writer(group)
    await clock.advance(4_999)
    expect(calls).toBe(1)
    await clock.advance(101)
    expect(await result).toEqual([undefined, undefined])
  })

  test('does not condemn a message that is alone in its batch, also when it is back between two attempts', async () => {
    let isUp = false
    let failures = 0
    const { clock, writer } = scenario(
      async () => {
        if (isUp) return ['written']
        isUp = (failures += 1) === 3
        throw new Error('down')
      },
      { check: () => (isUp ? Promise.resolve() : down()) },
    )
    const result = writer(batchOf(1))
    await clock.advance(10_000)
    expect(await result).toEqual([undefined])
  })

  test('with a check that never settles is an outage', async () => {
    const { clock, writer } = scenario(down, { check: () => new Promise(() => undefined) })
    const result = writer(group)
    await clock.advance(60_000)
    expect(await result).toEqual(allComeAgain)
  })
})

describe('bug: a row that cannot be made blocked its group for ever', () => {
  const condemned = expect.objectContaining({
    name: 'UnrecoverableError',
    reason: 'refused-by-sink',
    message: expect.stringContaining('no such row'),
  })

  test.each([
    { length: 1, bad: [1] },
    { length: 2, bad: [2] },
    { length: 7, bad: [1, 4, 5] },
    { length: 100, bad: [37] },
    { length: 5, bad: [1, 2, 3, 4, 5] },
  ])('of $length messages, $bad are dead letters and the others are written', async ({ length, bad }) => {
    const stored: string[] = []
    const { clock, writer } = scenario(
      async (batch) => {
        if (batch.some(({ message }) => bad.includes(Number(bodyText(message))))) throw new Error('no such row')
        stored.push(...bodiesOf(batch).split(' '))
        return batch.map(() => 'written')
      },
      { check: async () => undefined },
    )
    const result = writer(batchOf(length))
    await clock.advance(60_000)
    const places = Array.from({ length }, (_, index) => index + 1)
    expect(await result).toEqual(places.map((place) => (bad.includes(place) ? condemned : undefined)))
    expect(stored).toEqual(places.filter((place) => !bad.includes(place)).map(String))
  })

  test('with one attempt a batch too: what was found by halving is tried again before it is condemned', async () => {
    let alone = 0
    const { clock, writer } = scenario(
      async (batch) => {
        if (batch.length > 1) throw new Error('deadlock')
        alone += 1
        if (alone === 1) throw new Error('deadlock')
        return ['written']
      },
      { check: async () => undefined, maxAttempts: 1 },
    )
    const result = writer(group)
    await clock.advance(10_000)
    expect(await result).toEqual([undefined, undefined])
  })

  test('an outage while halving gives back what is not written, and keeps what is', async () => {
    let isUp = true
    const { clock, writer } = scenario(
      async (batch) => {
        if (!isUp || bodiesOf(batch).includes('4')) throw new Error('no such row')
        isUp = false
        return batch.map(() => 'written')
      },
      { check: () => (isUp ? Promise.resolve() : down()) },
    )
    const result = writer(batchOf(4))
    await clock.advance(60_000)
    const comesAgain = expect.any(RedeliverError)
    expect(await result).toEqual([undefined, undefined, comesAgain, comesAgain])
  })
})

describe('closing', () => {
  test('bug: a write began after close: the wait before it ends at once, and the messages come again', async () => {
    let calls = 0
    const { clock, closing, writer } = scenario(() => {
      calls += 1
      return down()
    })
    const result = writer(group)
    await clock.advance(0)
    closing.abort()
    expect(await result).toEqual([expect.any(RedeliverError), expect.any(RedeliverError)])
    await clock.advance(60_000)
    expect(calls).toBe(1)
  })

  test('bug: a group that was complete before the close was written after it', async () => {
    let calls = 0
    const { closing, writer } = scenario(async () => {
      calls += 1
      return ['written', 'written']
    })
    closing.abort()
    expect(await writer(group)).toEqual([expect.any(RedeliverError), expect.any(RedeliverError)])
    expect(calls).toBe(0)
  })

  test('does not wait for a write that hangs, and tells the sink to give it up', async () => {
    let given: AbortSignal | undefined
    const { clock, closing, writer } = scenario((_batch, signal) => {
      given = signal
      return new Promise(() => undefined)
    })
    const result = writer(group)
    await clock.advance(0)
    expect(given?.aborted).toBe(false)
    closing.abort()
    expect(await result).toEqual([expect.any(RedeliverError), expect.any(RedeliverError)])
    expect(given?.aborted).toBe(true)
  })

  test('while a batch is halved begins no further half', async () => {
    const sizes: number[] = []
    const { clock, closing, writer } = scenario(
      async (batch) => {
        sizes.push(batch.length)
        if (batch.length < 4) closing.abort()
        throw new Error('no such row')
      },
      { check: async () => undefined },
    )
    const result = writer(batchOf(4))
    await clock.advance(10_000)
    expect((await result).every((one) => one instanceof RedeliverError)).toBe(true)
    expect(sizes).toEqual([4, 4, 2])
  })
})
