import type { Readable } from 'node:stream'
import { usageError } from './broker-command.ts'

/** The bound of one line. */
export const maxLineBytes = 16 * 1_048_576

/**
 * The lines of a stream, without what ends them, the last one also where nothing ends it. Ends when the signal is aborted. Rejects with
 * ServiceError (64) for a line of more than 16 MiB.
 */
export async function* linesOf(input: Readable, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const stop = () => void input.destroy()
  signal.addEventListener('abort', stop, { once: true })
  let rest: Buffer[] = []
  let restBytes = 0
  const line = (end: Buffer): Uint8Array => {
    const whole = rest.length === 0 ? end : Buffer.concat([...rest, end])
    rest = []
    restBytes = 0
    return whole.at(-1) === 0x0d ? whole.subarray(0, -1) : whole
  }
  try {
    for await (const given of input) {
      const chunk = Buffer.from(given as Uint8Array)
      let from = 0
      for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, from)) {
        yield line(chunk.subarray(from, end))
        from = end + 1
      }
      if (from < chunk.length) rest.push(chunk.subarray(from))
      restBytes += chunk.length - from
      if (restBytes > maxLineBytes)
        throw usageError(`a line has more than ${maxLineBytes} bytes`, 'Send a reference to what it holds')
    }
    if (rest.length > 0) yield line(Buffer.alloc(0))
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
