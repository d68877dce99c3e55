import type { Clock } from '@armature/async/clock'
import type { Discovery, Scan } from './discovery.ts'

/** Looks for files again and again, never twice at once. */
export interface Scans {
  /** The result of the last one. */
  readonly last: Scan
  /** Rejects like the discovery. */
  scan(): Promise<void>
  /** From now on there is about one a second, until one fails. */
  repeat(): void
  /** Resolves when none is under way; there are no more. */
  close(): Promise<void>
}

/** Files are looked for so often, and less where that takes long: a fifth of the time at most goes there. */
const scanEveryMs = 1_000
const restFactor = 4
/** While files wait for their turn to be opened. */
const minRestMs = 100

/** None has been made yet. */
export const createScans = ({
  discovery,
  clock,
  onFailed,
}: {
  readonly discovery: Discovery
  readonly clock: Clock
  readonly onFailed: (error: Error) => void
}): Scans => {
  let last: Scan = { waiting: 0, unreadable: 0 }
  let tookMs = 0
  let isClosed = false
  let scanning: Promise<void> = Promise.resolve()
  let cancel: () => void = () => undefined

  const scan = (): Promise<void> => {
    scanning = scanning.then(async () => {
      if (isClosed) return
      const startedMs = performance.now()
      last = await discovery.scan()
      tookMs = performance.now() - startedMs
    })
    return scanning
  }
  const repeat = () => {
    if (isClosed) return
    const restMs = last.waiting > 0 ? minRestMs : Math.max(scanEveryMs, tookMs * restFactor)
    cancel = clock.after(restMs, () => void scan().then(repeat, onFailed))
  }

  return {
    get last() {
      return last
    },
    scan,
    repeat,
    close: async () => {
      isClosed = true
      cancel()
      await scanning.catch(() => undefined)
    },
  }
}
