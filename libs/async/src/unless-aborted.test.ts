import { expect, test } from 'vitest'
import { unlessAborted } from './unless-aborted.ts'

const never = new Promise<never>(() => undefined)
const gone = new Error('gone')

test('a promise that settles first says what becomes of it', async () => {
  const { signal } = new AbortController()
  expect(await unlessAborted(signal, Promise.resolve('done'))).toBe('done')
  await expect(unlessAborted(signal, Promise.reject(new Error('failed')))).rejects.toThrow('failed')
})

test('an aborted signal ends the wait with its reason, now and before', async () => {
  const controller = new AbortController()
  const waiting = unlessAborted(controller.signal, never)
  controller.abort(gone)
  await expect(waiting).rejects.toBe(gone)
  await expect(unlessAborted(controller.signal, Promise.resolve('done'))).rejects.toBe(gone)
})

test('a promise that rejects after the signal is nobody’s', async () => {
  const late = Promise.withResolvers<never>()
  await expect(unlessAborted(AbortSignal.abort(gone), late.promise)).rejects.toBe(gone)
  late.reject(new Error('late'))
  // An unhandled rejection fails the test run.
  await expect(late.promise).rejects.toThrow('late')
})
