import { once } from 'node:events'
import type { Writable } from 'node:stream'

/** Streams that take nothing for now. Those who wait share the wait. */
const waits = new WeakMap<Writable, Promise<unknown>>()

/**
 * Writes, and waits for a slow reader: resolves when the stream takes more, when it is closed, or when `signal` is aborted. Callers wait
 * side by side: at most as much lies in memory as they are many, beside the stream's own buffer.
 */
export const write = async (stream: Writable, text: string | Uint8Array, signal: AbortSignal): Promise<void> => {
  if (stream.write(text) || signal.aborted || stream.destroyed) return
  let waiting = waits.get(stream)
  if (waiting === undefined) {
    waiting = takesMore(stream, signal).finally(() => waits.delete(stream))
    waits.set(stream, waiting)
  }
  await waiting
}

const takesMore = async (stream: Writable, signal: AbortSignal): Promise<void> => {
  const over = new AbortController()
  const any = AbortSignal.any([signal, over.signal])
  await Promise.race(['drain', 'close'].map((event) => once(stream, event, { signal: any }))).catch(() => undefined)
  over.abort()
}
