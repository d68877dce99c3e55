import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { NotReady } from './service.ts'

/** Answers one request; a throw or rejection is answered with 500. */
export type Route = (request: IncomingMessage, response: ServerResponse, url: URL) => void | Promise<void>

export interface AdminOptions {
  host: string
  /** 0 = any free port. */
  port: number
  /** Asked for each request of /readyz. Empty = ready. */
  notReady: () => readonly NotReady[]
  /** The metrics in Prometheus text format, for /metrics. */
  expose: () => string
  /** More paths, matched exactly, such as a status page. */
  routes?: Readonly<Record<string, Route>>
}

export interface AdminServer {
  readonly host: string
  readonly port: number
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** Stops listening and cuts what connections are left. Safe to call twice. */
  close(): Promise<void>
}

// An import would load all of node:http's exports at once, among them a WebSocket client: 2 MiB that no service needs.
const { createServer } = process.getBuiltinModule('node:http')

const maxConnections = 256
const requestTimeoutMs = 10_000
const maxHeaderBytes = 8 * 1024

/**
 * The HTTP server that tells how the service is: /livez (alias /healthz), /readyz, /metrics, as Kubernetes' own components
 * answer them: 200 `ok`, or 503 with a line a check; `?verbose` lists the checks always, `?exclude=NAME` leaves one out.
 * /livez answers as long as the event loop turns and asks nothing else. Rejects with the error of `listen`.
 */
export const openAdmin = async (options: AdminOptions): Promise<AdminServer> => {
  const { host, notReady, expose } = options
  const routes: Readonly<Record<string, Route>> = {
    '/livez': health('livez', () => []),
    '/healthz': health('healthz', () => []),
    '/readyz': health('readyz', notReady),
    '/metrics': (_request, response) => {
      send(response, 200, expose(), 'text/plain; version=0.0.4; charset=utf-8')
    },
    ...options.routes,
  }
  const server = createServer(
    { requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs, maxHeaderSize: maxHeaderBytes },
    (request, response) => void answer(routes, request, response),
  )
  server.maxConnections = maxConnections
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ host, port: options.port }, resolve)
  await listening
  const { port } = server.address() as AddressInfo
  const closed = Promise.withResolvers<void>()
  server.once('close', closed.resolve)
  return {
    host,
    port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    close: () => {
      if (server.listening) server.close()
      server.closeAllConnections()
      return closed.promise
    },
  }
}

const answer = async (
  routes: Readonly<Record<string, Route>>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  try {
    const url = URL.parse(request.url ?? '/', 'http://localhost')
    if (url === null) {
      send(response, 400, 'the path is not a valid URL\n')
      return
    }
    const route = Object.hasOwn(routes, url.pathname) ? routes[url.pathname] : undefined
    if (route === undefined) {
      send(response, 404, `no such path. Try ${Object.keys(routes).join(' ')}\n`)
    } else if (request.method !== 'GET' && request.method !== 'HEAD') {
      send(response.setHeader('allow', 'GET, HEAD'), 405, 'only GET and HEAD\n')
    } else await route(request, response, url)
  } catch {
    if (response.headersSent) response.destroy()
    else send(response, 500, 'internal error\n')
  }
}

const health =
  (name: string, failing: () => readonly NotReady[]): Route =>
  (_request, response, { searchParams }) => {
    const excluded = new Set(searchParams.getAll('exclude'))
    const found = failing()
    const failed = found.filter(({ check }) => !excluded.has(check))
    const healthy = failed.length === 0
    if (healthy && !searchParams.has('verbose')) {
      send(response, 200, 'ok')
      return
    }
    const lines = [
      excluded.has('ping') ? '[+]ping excluded: ok' : '[+]ping ok',
      ...found.map(({ check, reason }) =>
        excluded.has(check) ? `[+]${check} excluded: ok` : `[-]${check} failed: ${oneLine(reason)}`,
      ),
      `${name} check ${healthy ? 'passed' : 'failed'}`,
    ]
    send(response, healthy ? 200 : 503, `${lines.join('\n')}\n`)
  }

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ')

const send = (response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void => {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  })
  response.end(body)
}
