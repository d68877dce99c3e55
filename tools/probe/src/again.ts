import { setTimeout as pause } from 'node:timers/promises'

const pauseMs = 200

/**
 * Does the work again until it succeeds, since a cluster lets a new pod through its network policies only after a moment. Rejects with the
 * error of the last attempt when `withinMs` have passed or the signal is aborted.
 */
export const again = async <Result>(
  work: () => Promise<Result>,
  withinMs: number,
  stopped: AbortSignal,
): Promise<Result> => {
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(withinMs)])
  for (;;) {
    try {
      return await work()
    } catch (error) {
      await pause(pauseMs, undefined, { signal }).catch(() => {
        throw error
      })
    }
  }
}
