import { Writable } from 'node:stream'

/** A stream that keeps what is written, a JSON value a line. */
export const collected = () => {
  const chunks: string[] = []
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk.toString())
      done()
    },
  })
  const lines = (): readonly Record<string, unknown>[] =>
    chunks
      .join('')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  return { stream, lines, text: () => chunks.join('') }
}
