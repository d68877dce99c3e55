import { constants, createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { status } from '@grpc/grpc-js'
import { afterEach, describe, expect, test } from 'vitest'
import { searchServiceV1 } from '../src/api.ts'
import { createSearchClient, type SearchClient } from '../src/client.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

const begin = (stream: ServerHttp2Stream, more = {}) =>
  stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...more }, { waitForTrailers: true })
/** The headers of an answer, and no more: its server is gone. */
const breakOff = (stream: ServerHttp2Stream) => {
  begin(stream)
  setImmediate(() => stream.session?.destroy())
}
/** The stream ends as that of a killed server may: no fault, and no status. */
const endWithoutStatus = (stream: ServerHttp2Stream) => {
  begin(stream)
  setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR))
}
const answer = (stream: ServerHttp2Stream) => {
  const message = searchServiceV1['Monitor']?.responseSerialize({ n_things: '26' }) ?? Buffer.alloc(0)
  const frame = Buffer.alloc(5)
  frame.writeUInt32BE(message.length, 1)
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  begin(stream)
  stream.end(Buffer.concat([frame, message]))
}
const refuse = (stream: ServerHttp2Stream) => {
  stream.respond(
    { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(status.INTERNAL) },
    { endStream: true },
  )
}

/** A server that does these in turn, with a client of it. */
const scripted = async (...answers: ((stream: ServerHttp2Stream) => void)[]) => {
  let calls = 0
  const server: Http2Server = createServer().on('stream', (stream) => answers[calls++]?.(stream))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client: SearchClient = createSearchClient(`127.0.0.1:${(server.address() as AddressInfo).port}`)
  closers.push(
    () => client.close(),
    () => server.close(),
  )
  return { client, calls: () => calls }
}

describe('a call', () => {
  test('whose answer breaks off is made again', async () => {
    const { client, calls } = await scripted(breakOff, answer)
    expect(await client.monitor()).toBe(26)
    expect(calls()).toBe(2)
  })

  test('bug: whose stream ended without a status when its server was killed failed', async () => {
    const { client, calls } = await scripted(endWithoutStatus, answer)
    expect(await client.monitor()).toBe(26)
    expect(calls()).toBe(2)
  })

  test('whose answer breaks off twice fails', async () => {
    const { client, calls } = await scripted(breakOff, breakOff, answer)
    await expect(client.monitor()).rejects.toMatchObject({ code: status.UNAVAILABLE })
    expect(calls()).toBe(2)
  })

  test('that was answered with a fault is not made again', async () => {
    const { client, calls } = await scripted(refuse, answer)
    await expect(client.monitor()).rejects.toMatchObject({ code: status.INTERNAL })
    expect(calls()).toBe(1)
  })
})
