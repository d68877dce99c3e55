import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { blockingQuery, nextIndex } from './blocking-query.ts'
import type { Answer, Blocking } from './consul-client.ts'

describe('the index of the next question', () => {
  test.each([
    ['0', '7', '7'],
    ['7', '7', '7'],
    ['7', '8', '8'],
    ['18446744073709551614', '18446744073709551615', '18446744073709551615'],
  ])('after %s and %s is %s', (before, now, next) => {
    expect(nextIndex(before, now)).toBe(next)
  })

  test.each([
    ['8', '7'],
    ['7', '0'],
    ['7', '-1'],
    ['7', 'NaN'],
    ['7', ''],
  ])('after %s and %s is 0: it went back or is none', (before, now) => {
    expect(nextIndex(before, now)).toBe('0')
  })
})

/** Questions wait until the test answers them. */
const scripted = () => {
  const questions: { readonly options: Required<Blocking>; readonly answer: PromiseWithResolvers<Answer<string>> }[] =
    []
  const ask = (options: Required<Blocking>) => {
    const answer = Promise.withResolvers<Answer<string>>()
    questions.push({ options, answer })
    return answer.promise
  }
  const last = () => {
    const question = questions.at(-1)
    if (question === undefined) throw new Error('nothing was asked')
    return question
  }
  return { ask, questions, last }
}

describe('a blocking query', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  const start = (random = () => 1) => {
    const { ask, questions, last } = scripted()
    const seen: string[] = []
    const faults: unknown[] = []
    const cancel = blockingQuery({
      ask,
      onValue: (value) => seen.push(value),
      onFault: (fault) => faults.push(fault),
      retryMs: { min: 100, max: 1_000 },
      random,
    })
    const answer = async (index: string, value: string) => {
      last().answer.resolve({ index, value })
      await vi.advanceTimersByTimeAsync(50)
    }
    const fail = async (afterMs: number) => {
      last().answer.reject(new Error('no leader'))
      await vi.advanceTimersByTimeAsync(afterMs)
    }
    return { questions, last, seen, faults, cancel, answer, fail }
  }

  test('asks with the index it got, and reports changes only', async () => {
    const { last, seen, answer, cancel } = start()
    await vi.advanceTimersByTimeAsync(0)
    expect(last().options.index).toBe('0')
    await answer('5', 'a')
    expect(last().options.index).toBe('5')
    await answer('6', 'a')
    await answer('7', 'b')
    expect(last().options.index).toBe('7')
    expect(seen).toEqual(['a', 'b'])
    cancel()
  })

  test('asks from 0 again after the index went back', async () => {
    const { last, answer, cancel } = start()
    await vi.advanceTimersByTimeAsync(0)
    await answer('50', 'a')
    await answer('3', 'a')
    expect(last().options.index).toBe('0')
    cancel()
  })

  test('asks from 0 again after a failure, later each time up to the limit, and reports the answer after it', async () => {
    const { questions, last, seen, faults, answer, fail, cancel } = start()
    await vi.advanceTimersByTimeAsync(0)
    await answer('50', 'a')
    expect(questions).toHaveLength(2)
    await fail(99)
    expect(questions).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(1)
    expect(questions).toHaveLength(3)
    expect(last().options.index).toBe('0')
    for (const limitMs of [200, 400, 800, 1_000, 1_000]) {
      const before = questions.length
      await fail(limitMs - 1)
      expect(questions).toHaveLength(before)
      await vi.advanceTimersByTimeAsync(1)
      expect(questions).toHaveLength(before + 1)
    }
    await answer('50', 'a')
    expect(seen).toEqual(['a', 'a'])
    expect(faults).toHaveLength(6)
    cancel()
  })

  test('bug: queries that failed together came back within half of the pause: jitter is full', async () => {
    const { questions, fail, cancel } = start(() => 0.01)
    await vi.advanceTimersByTimeAsync(0)
    for (const pauseMs of [1, 2, 4, 8]) {
      const before = questions.length
      await fail(pauseMs)
      expect(questions).toHaveLength(before + 1)
    }
    cancel()
  })

  test('does not ask faster than the least interval, however fast the answers come', async () => {
    const { questions, last, cancel } = start()
    await vi.advanceTimersByTimeAsync(0)
    last().answer.resolve({ index: '1', value: 'a' })
    await vi.advanceTimersByTimeAsync(49)
    expect(questions).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(questions).toHaveLength(2)
    cancel()
  })

  test('bug: of answers that do not wait, 20 a second were asked for without end; now a burst, then one a second', async () => {
    const { questions, last, cancel } = start()
    await vi.advanceTimersByTimeAsync(0)
    const during = async (ms: number) => {
      const before = questions.length
      for (let passed = 0; passed < ms; passed += 10) {
        last().answer.resolve({ index: '7', value: 'a' })
        await vi.advanceTimersByTimeAsync(10)
      }
      return questions.length - before
    }
    expect(await during(1_000)).toBeGreaterThan(8)
    const asked = await during(60_000)
    expect(asked).toBeGreaterThan(50)
    expect(asked).toBeLessThanOrEqual(60)
    await vi.advanceTimersByTimeAsync(10_000)
    last().answer.resolve({ index: '8', value: 'b' })
    expect(await during(1_000)).toBeGreaterThan(8)
    cancel()
  })

  test('tells nothing and asks nothing once cancelled, and gives the question up', async () => {
    const { questions, last, seen, faults, cancel } = start()
    await vi.advanceTimersByTimeAsync(0)
    cancel()
    expect(last().options.signal.aborted).toBe(true)
    last().answer.reject(new Error('given up'))
    await vi.advanceTimersByTimeAsync(60_000)
    expect([questions.length, seen.length, faults.length]).toEqual([1, 0, 0])
  })
})

describe('bug: a callback that threw ended the process', () => {
  test('onValue: it is told as a failure, and again with the next answer', async () => {
    const faults: unknown[] = []
    const seen: string[] = []
    const cancel = blockingQuery({
      ask: async () => ({ index: '1', value: 'a' }),
      onValue: (value) => {
        seen.push(value)
        if (seen.length === 1) throw new Error('not yet')
      },
      onFault: (fault) => faults.push(fault),
      retryMs: { min: 1, max: 1 },
    })
    onTestFinished(cancel)
    await vi.waitFor(() => expect(seen).toEqual(['a', 'a']), { timeout: 5_000 })
    expect(faults).toEqual([new Error('not yet')])
  })

  test('onFault: it is a warning of the process, and the query goes on', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    onTestFinished(() => warned.mockRestore())
    let asked = 0
    const cancel = blockingQuery({
      ask: () => {
        asked += 1
        return Promise.reject(new Error('no leader'))
      },
      onValue: () => undefined,
      onFault: () => {
        throw new Error('the log is full')
      },
      retryMs: { min: 1, max: 1 },
    })
    onTestFinished(cancel)
    await vi.waitFor(() => expect(asked).toBeGreaterThan(2), { timeout: 5_000 })
    expect(warned).toHaveBeenCalledWith(new Error('the log is full'))
  })
})
