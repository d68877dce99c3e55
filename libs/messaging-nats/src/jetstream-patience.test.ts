import { JetStreamApiError } from '@nats-io/jetstream'
import { TimeoutError } from '@nats-io/nats-core'
import { expect, test, vi } from 'vitest'
import { patience } from './jetstream-patience.ts'

const apiError = (err_code: number) => new JetStreamApiError({ code: 503, err_code, description: 'no' })
const failing = (times: number, error: Error) => {
  let calls = 0
  return vi.fn(async () => {
    if (calls++ < times) throw error
    return 'answer'
  })
}

test.each([
  ['no answer', new TimeoutError()],
  ['no leader', apiError(10008)],
])('bug: a subscription was refused for one request with %s', async (_, error) => {
  const question = failing(2, error)
  expect(await patience(30_000)(question)).toBe('answer')
  expect(question).toHaveBeenCalledTimes(3)
})

test('what is refused is not asked again', async () => {
  const question = failing(1, new JetStreamApiError({ code: 400, err_code: 10025, description: 'bad' }))
  await expect(patience(30_000)(question)).rejects.toThrow('bad')
  expect(question).toHaveBeenCalledOnce()
})

test('after the limit the last error is thrown', async () => {
  const question = failing(1, new TimeoutError())
  await expect(patience(0)(question)).rejects.toThrow(TimeoutError)
  expect(question).toHaveBeenCalledOnce()
})
