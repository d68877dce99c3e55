import { setTimeout as pause } from 'node:timers/promises'
import { backoffMs } from '@armature/async/backoff'
import { kubeFaultOf, type KubeFault } from './kube-fault.ts'

export interface Patience {
  /** Ends the attempts, also one that is under way: a stop, or the time that the command has. */
  readonly signal: AbortSignal
  /** Called before each further attempt. */
  readonly onRetry: (fault: KubeFault) => void
}

const firstDelayMs = 200
const maxDelayMs = 3_000

/**
 * Does the work again for as long as it fails by a fault that may pass, such as a NetworkPolicy that is not in force yet. Rejects with the
 * fault of the last attempt when the signal is aborted.
 */
export const patiently = async <Result>(work: () => Promise<Result>, patience: Patience): Promise<Result> => {
  const { signal, onRetry } = patience
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      const fault = kubeFaultOf(error)
      if (fault?.transient !== true || signal.aborted) throw error
      onRetry(fault)
      try {
        // A timer that keeps the process alive: between two requests nothing else does.
        await pause(backoffMs(firstDelayMs, maxDelayMs, attempt), undefined, { signal })
      } catch {
        throw error
      }
    }
  }
}
