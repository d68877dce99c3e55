import { drivenClock } from '@armature/messaging/clock'
import { UnrecoverableError } from '@armature/messaging/errors'
import { RedeliverError } from '@armature/messaging/redeliver-error'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { expect, test } from 'vitest'
import { delivery } from '../test/deliveries.ts'
import type { Sink } from './sink.ts'
import { groupWriter } from './write-group.ts'

const group = { correlationKey: 'k', messages: [delivery('1'), delivery('2')], mechanism: 'count' } as const

const scenario = (write: Sink['write']) => {
  const clock = drivenClock()
  const closing = new AbortController()
  const faults: unknown[] = []
  const telemetry = testTelemetry()
  const writer = groupWriter({
    sink: { write },
    telemetry,
    clock,
    maxAttempts: 3,
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
  expect(telemetry.metrics.value('batch_events', { mechanism: 'count' })).toBe(1)
})

test('an outage is waited out with growing delays', async () => {
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

test('after the last attempt the messages come again', async () => {
  const { clock, writer, telemetry } = scenario(async () => Promise.reject(new Error('down')))
  const result = expect(writer(group)).rejects.toThrow(RedeliverError)
  await clock.advance(1_000)
  await result
  expect(telemetry.metrics.value('component_errors_total')).toBe(3)
})

test('closing ends the waiting', async () => {
  const { clock, closing, writer } = scenario(async () => Promise.reject(new Error('down')))
  const result = expect(writer(group)).rejects.toThrow(RedeliverError)
  await clock.advance(0)
  closing.abort()
  await result
})

test('an answer of another length leaves the outcome unknown', async () => {
  const { clock, writer } = scenario(async () => ['written'])
  const result = expect(writer(group)).rejects.toThrow(RedeliverError)
  await clock.advance(1_000)
  await result
})

test('a write that never settles is given up, and the batch is written again', async () => {
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
