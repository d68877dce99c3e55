import type { NotReady } from '@armature/service/service'
import type { Logger } from '@armature/telemetry/logger'
import type { Store } from './store.ts'

export interface Readiness {
  /** Empty = ready. Asks nobody: it says what was found last. */
  notReady(): readonly NotReady[]
  close(): void
}

export interface ReadinessOptions {
  store: Pick<Store, 'ping'>
  log: Logger
  /** From one answer of the database to the next question, in milliseconds. */
  intervalMs: number
}

/** One question that fails may be chance. */
const failuresInARow = 2
const answerTimeoutMs = 2_000

/** Asks the database again and again whether it serves: an instance that cannot answer searches is to get none. */
export const watchReadiness = ({ store, log, intervalMs }: ReadinessOptions): Readiness => {
  let failures = 0
  let reason = ''
  let timer: NodeJS.Timeout | undefined
  const closed = new AbortController()

  const ask = async (): Promise<void> => {
    try {
      await store.ping({ signal: AbortSignal.any([closed.signal, AbortSignal.timeout(answerTimeoutMs)]) })
      if (failures >= failuresInARow) log.info('the database serves again')
      failures = 0
    } catch (error) {
      if (closed.signal.aborted) return
      failures += 1
      reason = error instanceof Error ? error.message : String(error)
      if (failures === failuresInARow) log.warn({ reason }, 'not ready: the database does not serve')
    }
    if (!closed.signal.aborted) timer = setTimeout(() => void ask(), intervalMs).unref()
  }
  timer = setTimeout(() => void ask(), intervalMs).unref()

  return {
    notReady: () => (failures < failuresInARow ? [] : [{ check: 'database', reason }]),
    close: () => {
      closed.abort()
      clearTimeout(timer)
    },
  }
}
