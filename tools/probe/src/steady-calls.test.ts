import { drivenClock } from '@armature/async/clock'
import { wait } from '@armature/async/wait'
import { expect, test } from 'vitest'
import { steadyCalls } from './steady-calls.ts'

const started = (call: (number: number) => Promise<unknown>, { maxUnderWay = 100 } = {}) => {
  const clock = drivenClock()
  const stopping = new AbortController()
  const pause = (delayMs: number, signal: AbortSignal) => wait(clock, delayMs, signal)
  const counted = steadyCalls({ perSecond: 100, maxUnderWay, clock, pause, signal: stopping.signal, call })
  return { clock, stop: () => stopping.abort(), counted }
}

test('calls at the rate, whatever the answers take', async () => {
  const answers: (() => void)[] = []
  const { clock, stop, counted } = started(() => new Promise<void>((resolve) => answers.push(resolve)))
  await clock.advance(500)
  expect(answers).toHaveLength(50)
  stop()
  for (const answer of answers) answer()
  expect(await counted).toMatchObject({ calls: 50, failed: 0, failures: {} })
})

test('no more calls wait than may, and those that did not fit come later', async () => {
  const answers: (() => void)[] = []
  const { clock, stop, counted } = started(() => new Promise<void>((resolve) => answers.push(resolve)), {
    maxUnderWay: 10,
  })
  await clock.advance(500)
  expect(answers).toHaveLength(10)
  for (const answer of answers.splice(0)) answer()
  await clock.advance(10)
  expect(answers).toHaveLength(10)
  stop()
  for (const answer of answers) answer()
  expect(await counted).toMatchObject({ calls: 20, failed: 0 })
})

test('a call that fails is counted with its reason, and the others go on', async () => {
  const { clock, stop, counted } = started(async (number) => {
    if (number % 10 === 0) throw new Error('14 UNAVAILABLE')
  })
  await clock.advance(1_000)
  stop()
  expect(await counted).toMatchObject({ calls: 100, failed: 10, failures: { '14 UNAVAILABLE': 10 } })
})
