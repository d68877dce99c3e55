import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { LedgerRow } from '@armature/telemetry/ledger'

/** What the page shows, sent whole every `refreshMs`. */
export interface Status {
  readonly services: readonly { name: string; state: string; ledger: readonly LedgerRow[] }[]
  /** Newest first. */
  readonly alerts: readonly { name: string; status: string; summary: string; time: string }[]
  /** Events a second since the last report, by what they are. */
  readonly perSecond: Readonly<Record<string, number>>
}

export interface PageOptions {
  /** 0 = any free port. */
  readonly port: number
  /** Asked every `refreshMs`. */
  readonly status: () => Status
  /** Answers the search form; an error's message is shown as it is. */
  readonly search: (lat: number, lng: number) => Promise<readonly { name: string; code: string }[]>
}

export interface Page {
  readonly port: number
  /** Ends the streams and closes the server. Safe to call twice. */
  close(): Promise<void>
}

const refreshMs = 1000
const maxStreams = 100
const html = readFileSync(new URL('page.html', import.meta.url))
const securityHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:",
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
}

/** The live status page, on loopback only: one HTML file, a stream of server-sent events, and the search behind its form. */
export const openPage = async ({ port, status, search }: PageOptions): Promise<Page> => {
  const streams = new Set<ServerResponse>()
  let latest = event(status())

  const stream = (response: ServerResponse) => {
    if (streams.size >= maxStreams) return void json(response, 503, { error: `more than ${maxStreams} pages are open` })
    response.writeHead(200, { ...securityHeaders, 'content-type': 'text/event-stream' })
    response.write(latest)
    streams.add(response)
    response.on('close', () => streams.delete(response))
  }

  const answerSearch = async (parameters: URLSearchParams, response: ServerResponse) => {
    try {
      json(response, 200, { results: await search(degrees(parameters, 'lat'), degrees(parameters, 'lng')) })
    } catch (error) {
      json(response, 400, { error: error instanceof Error ? error.message : String(error) })
    }
  }

  const route = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://page')
    if (request.method !== 'GET') return json(response, 405, { error: 'only GET is answered here' })
    if (!isLoopbackHost(request.headers.host))
      return json(response, 403, { error: 'this page answers on loopback only' })
    if (pathname === '/events') return stream(response)
    if (pathname === '/search') return answerSearch(searchParams, response)
    if (pathname !== '/') return json(response, 404, { error: 'not found' })
    response.writeHead(200, { ...securityHeaders, 'content-type': 'text/html; charset=utf-8' }).end(html)
  }

  const server = createServer((request, response) => void route(request, response))
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
  const timer = setInterval(() => {
    latest = event(status())
    // A page that does not read is given up rather than buffered for.
    for (const response of streams) {
      if (response.writableNeedDrain) response.destroy()
      else response.write(latest)
    }
  }, refreshMs)

  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      clearInterval(timer)
      for (const response of streams) response.end()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

const event = (status: Status) => `data: ${JSON.stringify(status)}\n\n`

const json = (response: ServerResponse, code: number, value: unknown) => {
  response.writeHead(code, { ...securityHeaders, 'content-type': 'application/json' }).end(JSON.stringify(value))
}

const degrees = (parameters: URLSearchParams, name: string): number => {
  const text = parameters.get(name)?.trim() ?? ''
  const value = Number(text)
  if (text === '' || !Number.isFinite(value))
    throw new Error(`${name} is not a number: ${JSON.stringify(text.slice(0, 40))}`)
  return value
}

/** A page of another site that points its own name at 127.0.0.1 (DNS rebinding) is refused. */
const isLoopbackHost = (host = '') => /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(host)
