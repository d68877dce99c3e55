import { systemClock, type Clock } from './clock.ts'

/**
 * What the promise resolves to, or undefined after `limitMs` milliseconds. Rejects as the promise does until then; a later rejection is
 * nobody's.
 */
export const within = async <Result>(
  limitMs: number,
  promise: Promise<Result>,
  clock: Clock = systemClock(),
): Promise<Result | undefined> => {
  const late = Promise.withResolvers<undefined>()
  const cancel = clock.after(limitMs, () => late.resolve(undefined))
  promise.catch(() => undefined)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    cancel()
  }
}
