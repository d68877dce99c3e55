import { drivenClock } from '@armature/async/clock'
import { wait } from '@armature/async/wait'
import { expect, test } from 'vitest'
import { outcomeOf } from '@armature/async/testing-outcome'
import { createRebindWait } from './rebind-wait.ts'

const patientMs = 600_000

/** A wait on a broker whose looks take `lookMs`. */
const setUp = ({ lookMs = 0 } = {}) => {
  const clock = drivenClock()
  const ending = new AbortController()
  const broker = { lookMs, isAway: false, looks: 0 }
  const look = async () => {
    broker.looks++
    if (broker.lookMs > 0) await wait(clock, broker.lookMs, ending.signal)
    if (broker.isAway) throw new Error('away')
  }
  return { clock, ending, broker, rebind: createRebindWait({ look, clock, signal: ending.signal }) }
}

test('nothing is waited for where no exchange was replaced', async () => {
  const { rebind, broker } = setUp()
  expect(await rebind.isOver(patientMs)).toBe(true)
  expect(broker.looks).toBe(0)
})

test('four looks, each after a pause of two seconds', async () => {
  const { rebind, clock } = setUp()
  rebind.begin()
  const over = outcomeOf(rebind.isOver(patientMs))
  await clock.advance(7_999)
  expect(over.state).toBe('pending')
  await clock.advance(1)
  expect(over.state).toBe('resolved')
  expect(await rebind.isOver(0)).toBe(true)
})

test('bug: a publisher waited 8 s where the looks of members took longer: what it confirmed then reached no group', async () => {
  const { rebind, clock } = setUp({ lookMs: 10_000 })
  rebind.begin()
  const over = outcomeOf(rebind.isOver(patientMs))
  await clock.advance(47_999)
  expect(over.state).toBe('pending')
  await clock.advance(1)
  expect(over.state).toBe('resolved')
})

test('a look that fails counts for nothing', async () => {
  const { rebind, clock, broker } = setUp()
  broker.isAway = true
  rebind.begin()
  const over = outcomeOf(rebind.isOver(patientMs))
  await clock.advance(60_000)
  expect(over.state).toBe('pending')
  broker.isAway = false
  await clock.advance(8_000)
  expect(over.state).toBe('resolved')
})

test('an exchange that is replaced again meanwhile begins the count anew, also in the middle of a look', async () => {
  const { rebind, clock } = setUp({ lookMs: 1_000 })
  rebind.begin()
  const over = outcomeOf(rebind.isOver(patientMs))
  await clock.advance(2_500)
  rebind.begin()
  await clock.advance(12_499)
  expect(over.state).toBe('pending')
  await clock.advance(1)
  expect(over.state).toBe('resolved')
})

test('a caller waits no longer than it may, and the next one goes on waiting', async () => {
  const { rebind, clock } = setUp()
  rebind.begin()
  const hasty = rebind.isOver(500)
  await clock.advance(500)
  expect(await hasty).toBe(false)
  const patient = rebind.isOver(patientMs)
  await clock.advance(7_500)
  expect(await patient).toBe(true)
})

test('the end of the publisher ends the looks', async () => {
  const { rebind, clock, broker, ending } = setUp()
  rebind.begin()
  const over = rebind.isOver(patientMs)
  ending.abort(new Error('closed'))
  expect(await over).toBe(false)
  await clock.advance(10_000)
  expect(broker.looks).toBe(0)
  expect(clock.pending).toBe(0)
})
