import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'

/** A request that came. */
export interface Seen {
  readonly method: string | undefined
  readonly path: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly socket: number | undefined
}

/** Answers a request. */
export type Answer = (response: ServerResponse, request: IncomingMessage) => void

/** Answers with this status. */
export const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (response) =>
    void response.writeHead(code, headers).end('answer')

/** A real HTTP server that gives the answers in turn, the last one again and again. */
export const openServer = async (...answers: Answer[]) => {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    const answer = answers[Math.min(seen.length, answers.length - 1)] ?? status(204)
    buffer(request).then(
      (body) => {
        const { method, url: path, headers, socket } = request
        seen.push({ method, path, headers, body: body.toString('latin1'), socket: socket.remotePort })
        answer(response, request)
      },
      () => response.destroy(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  onTestFinished(close)
  return { seen, close, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/x` }
}
