import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostOf } from './http-hosts.ts'

/** Bounds on one HTTP server. */
export interface HttpBounds {
  /** Connections at once; more are closed as they come. */
  readonly maxConnections: number
  /** For a request to arrive whole, its head and its body. */
  readonly requestTimeoutMs: number
  /** For the line and the headers of a request. */
  readonly maxHeaderBytes: number
  /** A connection on which nothing moves is cut after so long, also one that does not read its answer. */
  readonly idleTimeoutMs: number
}

export const httpBounds: HttpBounds = {
  maxConnections: 256,
  requestTimeoutMs: 10_000,
  maxHeaderBytes: 8 * 1024,
  idleTimeoutMs: 30_000,
}

export interface HttpServerOptions {
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
  /** Whether the server answers to this host (lower case, no port, no brackets). A request for another is answered with 403. */
  readonly answersTo: (host: string) => boolean
  /** Answers a request whose host and target are good. A throw or rejection is answered with 500, without its text. */
  readonly answer: (request: IncomingMessage, response: ServerResponse, url: URL) => void | Promise<void>
  /** Called with each error of `answer` and of the server. Must not throw. */
  readonly onFault: (error: unknown) => void
  /** Default: `httpBounds`. */
  readonly bounds?: Partial<HttpBounds>
}

export interface HttpServer {
  readonly port: number
  /** Stops listening and cuts what connections are left. Safe to call twice. */
  close(): Promise<void>
}

// An import would load all of node:http's exports at once, among them a WebSocket client: 2 MiB that no service needs.
const { createServer } = process.getBuiltinModule('node:http')

/** Node looks for requests that take too long this many times within their timeout. */
const timeoutChecksPerTimeout = 10

/**
 * An HTTP server that no request can end: all that a client chooses (host, target, headers, method, pace) is checked or bounded before
 * `answer` sees it. Rejects with the error of `listen`.
 */
export const openHttpServer = async (options: HttpServerOptions): Promise<HttpServer> => {
  const { host, port, onFault } = options
  const { maxConnections, requestTimeoutMs, maxHeaderBytes, idleTimeoutMs } = { ...httpBounds, ...options.bounds }
  const server = createServer(
    {
      requestTimeout: requestTimeoutMs,
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.ceil(requestTimeoutMs / timeoutChecksPerTimeout),
      maxHeaderSize: maxHeaderBytes,
    },
    (request, response) => {
      // The client went away: nothing is wrong here.
      response.on('error', () => undefined)
      answered(options, request, response).catch(onFault)
    },
  )
  server.maxConnections = maxConnections
  server.timeout = idleTimeoutMs
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ host, port }, resolve)
  await listening
  server.off('error', reject)
  // Such as a connection that could not be accepted: the server goes on.
  server.on('error', onFault)
  const closed = Promise.withResolvers<void>()
  server.once('close', closed.resolve)
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      if (server.listening) server.close()
      server.closeAllConnections()
      return closed.promise
    },
  }
}

const answered = async (
  { answersTo, answer, onFault }: HttpServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  try {
    const asked = readTarget(request)
    if (typeof asked === 'string') sendText(response, 400, `${asked}\n`)
    else if (!asked.hosts.every((host) => host !== undefined && answersTo(host)))
      sendText(response, 403, 'this server does not answer to that host name\n')
    else await answer(request, response, asked.url)
  } catch (error) {
    onFault(error)
    if (response.headersSent) response.destroy()
    else sendText(response, 500, 'internal error\n')
  }
}

interface Target {
  readonly url: URL
  /** The hosts that the request names; undefined stands for a malformed one. Only HTTP/1.0 may name no host, and no browser does. */
  readonly hosts: readonly (string | undefined)[]
}

/** The target of a request by RFC 9112, 3.2 (origin-form and absolute-form), or the reason why it is invalid. */
const readTarget = ({ url: target = '', headersDistinct }: IncomingMessage): Target | string => {
  const named = headersDistinct['host'] ?? []
  if (named.length > 1) return 'more than one Host header'
  const hosts = named.map(hostOf)
  // A second slash would begin a host.
  if (/^\/(?![/\\])/.test(target)) {
    const url = URL.parse(target, 'http://localhost')
    return url === null ? 'the path is not a valid URL' : { url, hosts }
  }
  const url = /^https?:\/\//i.test(target) ? URL.parse(target) : null
  return url === null ? 'the path is not a valid URL' : { url, hosts: [...hosts, hostOf(url.host)] }
}

/** Answers with a text of this status, never to be kept or guessed to be of another type. */
export const sendText = (
  response: ServerResponse,
  status: number,
  body: string,
  type = 'text/plain; charset=utf-8',
): void => {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  })
  response.end(body)
}
