import type { IncomingMessage, ServerResponse } from 'node:http'
import { formatHostPort } from '@armature/async/host-port'
import { isDirectHost } from './http-hosts.ts'
import { type HttpBounds, openHttpServer, sendText } from './http-server.ts'
import type { NotReady } from './service.ts'

/** Answers one request; a throw or rejection is answered with 500. */
export type Route = (request: IncomingMessage, response: ServerResponse, url: URL) => void | Promise<void>

export interface AdminOptions {
  host: string
  /** 0 = any free port. */
  port: number
  /** Asked for each request of /readyz. Empty = ready. */
  notReady: () => readonly NotReady[]
  /** The names of the checks of /readyz that are made now. Default: none but those that fail are listed. */
  checks?: () => readonly string[]
  /** The metrics in Prometheus text format, for /metrics. */
  expose: () => string
  /** More paths, matched exactly, such as a status page. */
  routes?: Readonly<Record<string, Route>>
  /**
   * The actions that may be asked for by POST, by path; the answer is sent as text. A request of a web page (it has an Origin) is refused.
   */
  actions?: Readonly<Record<string, () => string>>
  /** Names by which the server may be asked, beside `host`, `localhost` and IP addresses. */
  allowedHosts?: readonly string[]
  /** Called with the error of a route, and with the errors of the server. */
  onFault?: (error: unknown) => void
  /** Default: `httpBounds`. */
  bounds?: Partial<HttpBounds>
}

export interface AdminServer {
  readonly host: string
  readonly port: number
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** Stops listening and cuts what connections are left. Safe to call twice. */
  close(): Promise<void>
}

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
    '/readyz': health('readyz', notReady, options.checks),
    '/metrics': (_request, response) => {
      sendText(response, 200, expose(), 'text/plain; version=0.0.4; charset=utf-8')
    },
    ...options.routes,
  }
  const server = await openHttpServer({
    host,
    port: options.port,
    answersTo: isDirectHost([host, ...(options.allowedHosts ?? [])]),
    answer: answerBy(routes, options.actions ?? {}),
    onFault: options.onFault ?? (() => undefined),
    ...(options.bounds && { bounds: options.bounds }),
  })
  return {
    host,
    port: server.port,
    url: `http://${formatHostPort(host, server.port)}`,
    close: () => server.close(),
  }
}

const answerBy =
  (routes: Readonly<Record<string, Route>>, actions: NonNullable<AdminOptions['actions']>): Route =>
  async (request, response, url) => {
    const action = Object.hasOwn(actions, url.pathname) ? actions[url.pathname] : undefined
    if (action !== undefined) {
      act(action, request, response)
      return
    }
    const route = Object.hasOwn(routes, url.pathname) ? routes[url.pathname] : undefined
    if (route === undefined) {
      const paths = [...Object.keys(routes), ...Object.keys(actions).map((path) => `POST ${path}`)]
      sendText(response, 404, `no such path. Try ${paths.join(' ')}\n`)
    } else if (request.method !== 'GET' && request.method !== 'HEAD') {
      sendText(response.setHeader('allow', 'GET, HEAD'), 405, 'only GET and HEAD\n')
    } else await route(request, response, url)
  }

/** A browser sends an Origin with each POST: no page that an operator has open may ask for an action. */
const act = (action: () => string, { method, headers }: IncomingMessage, response: ServerResponse): void => {
  if (method !== 'POST') sendText(response.setHeader('allow', 'POST'), 405, 'only POST\n')
  else if (headers.origin !== undefined) sendText(response, 403, 'not from a web page\n')
  else sendText(response, 200, `${action()}\n`)
}

const health =
  (name: string, failing: () => readonly NotReady[], made: () => readonly string[] = () => []): Route =>
  (_request, response, { searchParams }) => {
    const excluded = new Set(searchParams.getAll('exclude'))
    const found = failing()
    const failed = found.filter(({ check }) => !excluded.has(check))
    const healthy = failed.length === 0
    if (healthy && !searchParams.has('verbose')) {
      sendText(response, 200, 'ok')
      return
    }
    const passed = ['ping', ...made()].filter((each) => !found.some(({ check }) => check === each))
    const lines = [
      ...passed.map((check) => `[+]${check} ${excluded.has(check) ? 'excluded: ok' : 'ok'}`),
      ...found.map(({ check, reason }) =>
        excluded.has(check) ? `[+]${check} excluded: ok` : `[-]${check} failed: ${oneLine(reason)}`,
      ),
      `${name} check ${healthy ? 'passed' : 'failed'}`,
    ]
    sendText(response, healthy ? 200 : 503, `${lines.join('\n')}\n`)
  }

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ')
