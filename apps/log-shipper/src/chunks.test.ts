import { PassThrough, Readable } from 'node:stream'
import { outcomeOf } from '@armature/async/testing-outcome'
import { expect, test } from 'vitest'
import { streamChunks } from './chunks.ts'

const turns = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}
const textOf = (chunk: { bytes: Buffer } | undefined) => chunk?.bytes.toString()

/** A stream without an end; `read` tells how many bytes of it were read. */
const endless = (chunkBytes: number) => {
  let readBytes = 0
  const stream = new Readable({
    highWaterMark: chunkBytes,
    read() {
      readBytes += chunkBytes
      setImmediate(() => this.push(Buffer.alloc(chunkBytes, 'x')))
    },
  })
  return { stream, readBytes: () => readBytes }
}

test('nothing is read before the first chunk is asked for', async () => {
  const stream = new PassThrough()
  const chunks = streamChunks(stream)
  stream.write('abc')
  await turns()
  expect(stream.readableLength).toBe(3)
  expect(textOf(await chunks.next())).toBe('abc')
})

test('what comes while a chunk is worked on is the next one, up to 256 KiB', async () => {
  const { stream, readBytes } = endless(64 * 1024)
  const chunks = streamChunks(stream)
  const { length: first = 0 } = (await chunks.next())?.bytes ?? {}
  await turns()
  const { length: second = 0 } = (await chunks.next())?.bytes ?? {}
  expect(second).toBeGreaterThan(first)
  expect(second).toBeLessThanOrEqual(256 * 1024)
  await turns()
  const ahead = readBytes() - first - second
  expect(ahead).toBeLessThanOrEqual(256 * 1024)
  await turns()
  expect(readBytes() - first - second).toBe(ahead)
  stream.destroy()
})

test('the end: all that was read is given out, then undefined', async () => {
  const chunks = streamChunks(Readable.from([Buffer.from('a'), 'b', Buffer.from('c')]))
  let text = ''
  for (let chunk = await chunks.next(); chunk !== undefined; chunk = await chunks.next()) text += textOf(chunk)
  expect(text).toBe('abc')
  expect(await chunks.next()).toBeUndefined()
  expect(chunks.failure).toBeUndefined()
})

test('a stop: what the stream holds by then is given out, what comes later is left to it', async () => {
  const stream = new PassThrough()
  const chunks = streamChunks(stream)
  stream.write('a')
  expect(textOf(await chunks.next())).toBe('a')
  stream.write('held')
  await turns()
  chunks.stop()
  expect(textOf(await chunks.next())).toBe('held')
  stream.write('later')
  await turns()
  expect(await chunks.next()).toBeUndefined()
})

test('a stop while a chunk is waited for ends the wait', async () => {
  const chunks = streamChunks(new PassThrough())
  const waiting = chunks.next()
  const outcome = outcomeOf(waiting)
  await turns()
  expect(outcome.state).toBe('pending')
  chunks.stop()
  expect(await waiting).toBeUndefined()
})

test('a stream that fails: what was read is given out, then the failure is told', async () => {
  const stream = new PassThrough()
  const chunks = streamChunks(stream)
  stream.write('read')
  expect(textOf(await chunks.next())).toBe('read')
  stream.destroy(new Error('the disk is gone'))
  expect(await chunks.next()).toBeUndefined()
  expect(chunks.failure?.message).toBe('the disk is gone')
})
