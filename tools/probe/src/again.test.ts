import { expect, test } from 'vitest'
import { again } from './again.ts'

const failing = (times: number) => {
  let attempts = 0
  return {
    attempts: () => attempts,
    work: async () => {
      attempts += 1
      if (attempts <= times) throw new Error(`attempt ${attempts}`)
      return Promise.resolve(attempts)
    },
  }
}

test('work that fails at first is done again', async () => {
  expect(await again(failing(2).work, 30_000, new AbortController().signal)).toBe(3)
})

test('the error of the last attempt is shown when the time is over', async () => {
  const { work, attempts } = failing(Infinity)
  await expect(again(work, 1, new AbortController().signal)).rejects.toThrow('attempt 1')
  expect(attempts()).toBe(1)
})

test('a stop ends the attempts', async () => {
  await expect(again(failing(Infinity).work, 3_600_000, AbortSignal.abort())).rejects.toThrow('attempt 1')
})
