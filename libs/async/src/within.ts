import type { Cancel, Clock } from './clock.ts'

/**
 * Resolves to the result of the promise, or to undefined after `limitMs` milliseconds. Rejects as the promise does until then; a later
 * rejection is ignored. Without a clock the wait keeps the process alive, since somebody waits for the answer.
 */
export const within = async <Result>(
  limitMs: number,
  promise: Promise<Result>,
  clock?: Pick<Clock, 'after'>,
): Promise<Result | undefined> => {
  const late = Promise.withResolvers<undefined>()
  const cancel = (clock?.after ?? afterTimeout)(limitMs, () => late.resolve(undefined))
  promise.catch(() => undefined)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    cancel()
  }
}

const afterTimeout = (delayMs: number, callback: () => void): Cancel => {
  const timer = setTimeout(callback, delayMs)
  return () => clearTimeout(timer)
}
