import { PassThrough, Writable } from 'node:stream'

export interface LogPipe {
  /** A logger writes to it. */
  readonly input: Writable
  /** A shipper reads from it. */
  readonly output: PassThrough
  /** Writes that did not fit. */
  readonly droppedWrites: () => number
}

/**
 * In one process what `app | log-shipper` is in two. A logger does not wait, so the pipe holds at most `limitBytes` and
 * counts what did not fit; a real pipe would stop the app instead.
 */
export const logPipe = (limitBytes = 64 * 1024 * 1024): LogPipe => {
  const output = new PassThrough()
  let droppedWrites = 0
  const input = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (output.writableLength + output.readableLength + chunk.length > limitBytes) droppedWrites += 1
      else output.write(chunk)
      done()
    },
    final: (done) => {
      output.end()
      done()
    },
  })
  return { input, output, droppedWrites: () => droppedWrites }
}
