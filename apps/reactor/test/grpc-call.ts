import { once } from 'node:events'
import { connect } from 'node:http2'
import type { GrpcService } from '@armature/service/grpc-server'
import { unary } from '@armature/service/grpc-handler'
import { silentLogger } from '@armature/telemetry/logger'

const path = '/test.Box/Put'
const asIs = { serialize: (value: Buffer) => value, deserialize: (bytes: Buffer) => bytes }

/** A service of one method, whose messages are bytes. */
export const boxService = (put: (body: Buffer) => Promise<void>): GrpcService => ({
  definition: {
    put: {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: asIs.serialize,
      requestDeserialize: asIs.deserialize,
      responseSerialize: asIs.serialize,
      responseDeserialize: asIs.deserialize,
    },
  },
  implementation: {
    put: unary(silentLogger(), async (body: Buffer) => {
      await put(body)
      return Buffer.of()
    }),
  },
})

/** Calls it with a body and a trace; resolves with the gRPC status. */
export const callBox = async (address: string, body: string, traceparent: string): Promise<string> => {
  const session = connect(`http://${address}`)
  try {
    const call = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      traceparent,
    })
    const trailers = once(call, 'trailers') as Promise<[Record<string, string>]>
    const frame = Buffer.alloc(5 + Buffer.byteLength(body))
    frame.writeUInt32BE(Buffer.byteLength(body), 1)
    frame.write(body, 5)
    call.end(frame)
    call.resume()
    const [found] = await trailers
    return found['grpc-status'] ?? 'none'
  } finally {
    session.close()
  }
}
