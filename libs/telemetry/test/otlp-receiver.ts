import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An OTLP/HTTP server on loopback that keeps what comes, undecoded: names and ids stand in protobuf as they are. */
export const otlpReceiver = async (status = 200) => {
  const requests: { path: string; type: string; body: Buffer }[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const type = request.headers['content-type'] ?? ''
      requests.push({ path: request.url ?? '', type, body: Buffer.concat(chunks) })
      response.writeHead(status, { 'content-type': 'application/x-protobuf' }).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    /** Everything that came for one path. */
    bodyOf: (path: string): Buffer =>
      Buffer.concat(requests.filter((request) => request.path === path).map(({ body }) => body)),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
