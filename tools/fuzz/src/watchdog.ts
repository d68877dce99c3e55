import { writeSync } from 'node:fs'
import { isMainThread, Worker, workerData } from 'node:worker_threads'

interface Watched {
  readonly counter: Int32Array
  readonly limitMs: number
}

export interface Watchdog {
  /** Says that there is progress. */
  alive(): void
  /** Stops watching. */
  close(): Promise<void>
}

/**
 * Ends the process with SIGKILL, with `problem` on stderr, when `alive` is not called for `limitMs`: a decoder that hangs holds up the thread, so
 * another one has to watch.
 */
export const watchdog = (problem: string, limitMs: number): Watchdog => {
  const counter = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(new URL(import.meta.url), { workerData: { counter, limitMs, problem } })
  worker.unref()
  return {
    alive: () => void Atomics.add(counter, 0, 1),
    close: async () => void (await worker.terminate()),
  }
}

const looksPerLimit = 10

const watch = ({ counter, limitMs, problem }: Watched & { readonly problem: string }) => {
  let seen = -1
  let looks = 0
  setInterval(() => {
    const now = Atomics.load(counter, 0)
    looks = now === seen ? looks + 1 : 0
    seen = now
    if (looks < looksPerLimit) return
    // The streams of a worker go by way of the thread that hangs.
    writeSync(2, `${problem}\n`)
    process.kill(process.pid, 'SIGKILL')
  }, limitMs / looksPerLimit)
}

if (!isMainThread && workerData !== null && 'problem' in (workerData as object)) {
  watch(workerData as Watched & { readonly problem: string })
}
