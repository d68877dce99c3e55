import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { silentLogger } from '@armature/telemetry/logger'
import { ServiceError } from './faults.ts'
import { closeGraceMs, startLifecycle } from './lifecycle.ts'
import type { Service } from './service.ts'

const drainDeadlineMs = 5_000
const steps = ['start', 'deregister', 'stopIntake', 'finish', 'flush', 'close'] as const
type Step = (typeof steps)[number]

/** A service that notes what is called, and does in each step what the test says. */
const fakeService = (does: Partial<Record<Step, (stopping?: AbortSignal) => Promise<void>>> = {}) => {
  const calls: Step[] = []
  const hook = (step: Step) => (stopping?: AbortSignal) => {
    calls.push(step)
    return does[step]?.(stopping) ?? Promise.resolve()
  }
  const service: Service = {
    name: 'fake',
    start: hook('start'),
    deregister: hook('deregister'),
    stopIntake: hook('stopIntake'),
    finish: hook('finish'),
    flush: hook('flush'),
    close: hook('close'),
    ledger: () => [],
  }
  return { service, calls }
}

const begin = (service: Service, onStarted?: () => void) =>
  startLifecycle(service, { drainDeadlineMs, log: silentLogger(), ...(onStarted && { onStarted }) })

const never = () => new Promise<void>(() => undefined)
const fails = (error: unknown) => () => Promise.reject(error)

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** Started, asked to stop, and ended. */
const throughTo = async (service: Service) => {
  const started = Promise.withResolvers<void>()
  const lifecycle = begin(service, started.resolve)
  await started.promise
  lifecycle.stop('test')
  await vi.runAllTimersAsync()
  return lifecycle.done
}

describe('the drain', () => {
  test('calls every step in order and exits with 0', async () => {
    const { service, calls } = fakeService()
    expect(await throughTo(service)).toEqual({ exitCode: 0 })
    expect(calls).toEqual(steps)
  })

  test('waits for each step before the next', async () => {
    const gate = Promise.withResolvers<void>()
    const { service, calls } = fakeService({ finish: () => gate.promise })
    const lifecycle = begin(service)
    await vi.advanceTimersByTimeAsync(0)
    lifecycle.stop('test')
    await vi.advanceTimersByTimeAsync(drainDeadlineMs - 1)
    expect(calls.at(-1)).toBe('finish')
    gate.resolve()
    expect(await lifecycle.done).toEqual({ exitCode: 0 })
    expect(calls).toEqual(steps)
  })

  test('leaves out the steps a service has no use for', async () => {
    const service: Service = { name: 'small', start: async () => {}, close: async () => {}, ledger: () => [] }
    expect(await throughTo(service)).toEqual({ exitCode: 0 })
  })

  test('asked for twice runs once', async () => {
    const { service, calls } = fakeService()
    const lifecycle = begin(service)
    await vi.advanceTimersByTimeAsync(0)
    lifecycle.stop('one')
    lifecycle.stop('two')
    await lifecycle.done
    lifecycle.stop('three')
    expect(calls).toEqual(steps)
  })

  test.each([
    ['deregister', 'deregister'],
    ['stopIntake', 'stop intake'],
    ['finish', 'finish in flight'],
    ['flush', 'flush'],
  ] as const)('a hanging %s is named, the rest left out, close still called, exit 75', async (step, name) => {
    const { service, calls } = fakeService({ [step]: never })
    expect(await throughTo(service)).toEqual({ exitCode: 75, overran: name })
    expect(calls).toEqual([...steps.slice(0, steps.indexOf(step) + 1), 'close'])
  })

  test('has one deadline for all steps together', async () => {
    const slow = async () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      setTimeout(resolve, drainDeadlineMs * 0.6)
      await promise
    }
    const { service } = fakeService({ stopIntake: slow, finish: slow })
    expect(await throughTo(service)).toMatchObject({ overran: 'finish in flight' })
  })

  test('ends even when close hangs too', async () => {
    const { service } = fakeService({ finish: never, close: never })
    const lifecycle = begin(service)
    await vi.advanceTimersByTimeAsync(0)
    lifecycle.stop('test')
    await vi.advanceTimersByTimeAsync(drainDeadlineMs + closeGraceMs)
    expect(await lifecycle.done).toEqual({ exitCode: 75, overran: 'finish in flight' })
  })

  test('a hanging close is named', async () => {
    const { service } = fakeService({ close: never })
    expect(await throughTo(service)).toEqual({ exitCode: 75, overran: 'close' })
  })

  test('a step that rejects is a fault with its exit code, and the next steps follow', async () => {
    const fault = new ServiceError('disk full', { exitCode: 74 })
    const { service, calls } = fakeService({ flush: fails(fault) })
    expect(await throughTo(service)).toEqual({ exitCode: 74, fault })
    expect(calls).toEqual(steps)
  })

  test('a step that throws at once is a fault too', async () => {
    const { service, calls } = fakeService({
      stopIntake: () => {
        throw new Error('bug')
      },
    })
    expect(await throughTo(service)).toMatchObject({ exitCode: 70 })
    expect(calls).toEqual(steps)
  })
})

describe('start', () => {
  test('that fails is a fault with its exit code; close is called, the drain is not', async () => {
    const fault = new ServiceError('no broker', { exitCode: 69 })
    const { service, calls } = fakeService({ start: fails(fault) })
    const started = vi.fn()
    expect(await begin(service, started).done).toEqual({ exitCode: 69, fault })
    expect(calls).toEqual(['start', 'close'])
    expect(started).not.toHaveBeenCalled()
  })

  test('that fails with any other error exits with 70', async () => {
    expect(await begin(fakeService({ start: fails(new Error('bug')) }).service).done).toMatchObject({ exitCode: 70 })
  })

  test('whose news cannot be told is a fault, and is drained', async () => {
    const { service, calls } = fakeService()
    const fault = new Error('bug')
    const telling = () => {
      throw fault
    }
    expect(await begin(service, telling).done).toEqual({ exitCode: 70, fault })
    expect(calls).toEqual(steps)
  })

  test('asked to stop meanwhile: waits for start, drains what it opened, exits with 0, never says started', async () => {
    const gate = Promise.withResolvers<void>()
    const { service, calls } = fakeService({ start: () => gate.promise })
    const started = vi.fn()
    const lifecycle = begin(service, started)
    lifecycle.stop('test')
    await vi.advanceTimersByTimeAsync(10)
    expect(calls).toEqual(['start'])
    gate.resolve()
    expect(await lifecycle.done).toEqual({ exitCode: 0 })
    expect(calls).toEqual(steps)
    expect(started).not.toHaveBeenCalled()
  })

  test('asked to stop meanwhile: a start that gives up is no fault', async () => {
    const { service, calls } = fakeService({
      start: (stopping) =>
        new Promise((_, reject) => stopping?.addEventListener('abort', () => reject(new Error('gave up')))),
    })
    const lifecycle = begin(service)
    lifecycle.stop('test')
    expect(await lifecycle.done).toEqual({ exitCode: 0 })
    expect(calls).toEqual(['start', 'close'])
  })

  test('bug: a start that hangs after it was told to stop exited with 0; it is named, closed at the deadline, exits with 75', async () => {
    const { service, calls } = fakeService({ start: never })
    const lifecycle = begin(service)
    lifecycle.stop('test')
    await vi.advanceTimersByTimeAsync(drainDeadlineMs - 1)
    expect(calls).toEqual(['start'])
    await vi.advanceTimersByTimeAsync(1)
    expect(await lifecycle.done).toEqual({ exitCode: 75, overran: 'start' })
    expect(calls).toEqual(['start', 'close'])
  })

  test('that hangs, with a close that hangs, ends within the grace', async () => {
    const { service } = fakeService({ start: never, close: never })
    const lifecycle = begin(service)
    lifecycle.stop('test')
    await vi.advanceTimersByTimeAsync(drainDeadlineMs + closeGraceMs)
    expect(await lifecycle.done).toEqual({ exitCode: 75, overran: 'start' })
  })
})

describe('ended', () => {
  test.each([0, 3])('drains and exits with its code: %i', async (code) => {
    const { service, calls } = fakeService()
    const lifecycle = begin({ ...service, ended: Promise.resolve(code) })
    expect(await lifecycle.done).toEqual({ exitCode: code })
    expect(calls).toEqual(steps)
  })

  test('that rejects is a fault', async () => {
    const { service, calls } = fakeService()
    const fault = new ServiceError('input broke', { exitCode: 74 })
    expect(await begin({ ...service, ended: Promise.reject(fault) }).done).toEqual({ exitCode: 74, fault })
    expect(calls).toEqual(steps)
  })

  test('after a stop changes nothing', async () => {
    const ended = Promise.withResolvers<number>()
    const gate = Promise.withResolvers<void>()
    const { service } = fakeService({ finish: () => gate.promise })
    const lifecycle = begin({ ...service, ended: ended.promise })
    await vi.advanceTimersByTimeAsync(0)
    lifecycle.stop('test')
    ended.resolve(3)
    gate.resolve()
    expect(await lifecycle.done).toEqual({ exitCode: 0 })
  })
})

describe('a fault no one caught', () => {
  test('drains and exits with 70, whatever code it carries', async () => {
    const { service, calls } = fakeService()
    const lifecycle = begin(service)
    await vi.advanceTimersByTimeAsync(0)
    const fault = new ServiceError('bug', { exitCode: 64 })
    lifecycle.fail(fault)
    expect(await lifecycle.done).toEqual({ exitCode: 70, fault })
    expect(calls).toEqual(steps)
  })

  test('during the drain still makes it 70', async () => {
    const gate = Promise.withResolvers<void>()
    const { service } = fakeService({ finish: () => gate.promise })
    const lifecycle = begin(service)
    await vi.advanceTimersByTimeAsync(0)
    lifecycle.stop('test')
    lifecycle.fail(new Error('bug'))
    gate.resolve()
    expect(await lifecycle.done).toMatchObject({ exitCode: 70 })
  })
})

describe('readiness', () => {
  test('is denied until started, while a check fails, and from the first moment of the drain', async () => {
    const gate = Promise.withResolvers<void>()
    const reasons = [{ check: 'broker', reason: 'not connected' }]
    const { service } = fakeService({ start: () => gate.promise })
    const lifecycle = begin({ ...service, notReady: () => reasons })
    expect(lifecycle.notReady()).toMatchObject([{ check: 'startup' }])
    gate.resolve()
    await vi.advanceTimersByTimeAsync(0)
    expect(lifecycle.notReady()).toEqual([{ check: 'broker', reason: 'not connected' }])
    reasons.pop()
    expect(lifecycle.notReady()).toEqual([])
    lifecycle.stop('test')
    expect(lifecycle.notReady()).toMatchObject([{ check: 'shutdown' }])
    await lifecycle.done
    expect(lifecycle.notReady()).toMatchObject([{ check: 'shutdown' }])
  })

  test('a check that throws is a reason', async () => {
    const { service } = fakeService()
    const lifecycle = begin({
      ...service,
      notReady: () => {
        throw new Error('bug')
      },
    })
    await vi.advanceTimersByTimeAsync(0)
    expect(lifecycle.notReady()).toEqual([{ check: 'readiness', reason: 'bug' }])
    lifecycle.stop('test')
    await lifecycle.done
  })
})
