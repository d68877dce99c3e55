import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { consulRegistrar, type RegistrationEvent } from './consul-registrar.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** The waits between attempts at an agent that is away, in milliseconds. */
const waitsOf = async (
  attempts: number,
  random: () => number,
  checkIntervalMs = 60_000,
): Promise<readonly number[]> => {
  const waits: number[] = []
  const away = () => Promise.reject(new Error('away'))
  const registrar = consulRegistrar({
    client: { register: away, deregister: () => Promise.resolve(), checkOutput: away },
    checkIntervalMs,
    startWaitMs: 0,
    onEvent: (event: RegistrationEvent) => void (event.kind === 'failed' && waits.push(event.retryInMs)),
    random,
  })
  const registering = registrar.register({ id: 'a', service: 's', host: '127.0.0.1', port: 1 })
  await vi.advanceTimersByTimeAsync(0)
  const registration = await registering
  onTestFinished(() => registration.deregister())
  while (waits.length < attempts) await vi.advanceTimersToNextTimerAsync()
  return waits
}

test('an agent that is away is tried with growing waits of at most 10 s', async () => {
  expect(await waitsOf(8, () => 1)).toEqual([200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000])
})

test('a wait is never longer than the check interval', async () => {
  expect(await waitsOf(4, () => 1, 500)).toEqual([200, 400, 500, 500])
})

test('bug: registrars that failed together came back within half of the wait: jitter is full', async () => {
  expect(await waitsOf(3, () => 0.01)).toEqual([2, 4, 8])
})

test('a wait of no time is told as 1 ms, since 0 says that there is no further attempt', async () => {
  expect(await waitsOf(2, () => 0)).toEqual([1, 1])
})
