import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isLoopbackHost } from '@armature/service/http-hosts'
import { openHttpServer } from '@armature/service/http-server'
import type { LedgerRow } from '@armature/telemetry/ledger'

/** The contents of the page, sent whole every `refreshMs`. */
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
  /** Called with each error of a request that the server could not answer. */
  readonly onFault: (error: unknown) => void
  /** Pages that follow at once; one more is refused. Default 100. */
  readonly maxStreams?: number
}

export interface Page {
  readonly port: number
  /** Ends the streams and closes the server. Safe to call twice. */
  close(): Promise<void>
}

const refreshMs = 1000
const defaultMaxStreams = 100
/** Streams stay open: room for other requests is beside them. */
const spareConnections = 28
const html = readFileSync(new URL('page.html', import.meta.url))
const securityHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:",
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
}

/** The live status page, on loopback only: one HTML file, a stream of server-sent events, and the search behind its form. */
export const openPage = async (options: PageOptions): Promise<Page> => {
  const { status, search, maxStreams = defaultMaxStreams } = options
  const streams = new Set<ServerResponse>()
  let latest = event(status())

  const stream = (response: ServerResponse) => {
    if (streams.size >= maxStreams) return json(response, 503, { error: `more than ${maxStreams} pages are open` })
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

  const answer = (request: IncomingMessage, response: ServerResponse, { pathname, searchParams }: URL) => {
    if (request.method !== 'GET') return json(response, 405, { error: 'only GET is answered here' })
    if (pathname === '/') {
      response.writeHead(200, { ...securityHeaders, 'content-type': 'text/html; charset=utf-8' }).end(html)
      return
    }
    if (isOfAnotherSite(request)) return json(response, 403, { error: 'only this page may ask' })
    if (pathname === '/events') return stream(response)
    if (pathname === '/search') return answerSearch(searchParams, response)
    return json(response, 404, { error: 'not found' })
  }

  const server = await openHttpServer({
    host: '127.0.0.1',
    port: options.port,
    answersTo: isLoopbackHost,
    answer,
    onFault: options.onFault,
    bounds: { maxConnections: maxStreams + spareConnections },
  })
  const timer = setInterval(() => {
    latest = event(status())
    // A page that does not read is given up rather than buffered for.
    for (const response of streams) {
      if (response.writableNeedDrain) response.destroy()
      else response.write(latest)
    }
  }, refreshMs)

  return {
    port: server.port,
    close: () => {
      clearInterval(timer)
      for (const response of streams) response.end()
      return server.close()
    },
  }
}

/** Browsers tell the site of a request: another site's page can open streams and searches here, even if it cannot read them. */
const isOfAnotherSite = ({ headers }: IncomingMessage): boolean =>
  !['same-origin', 'none', undefined].includes(headers['sec-fetch-site'])

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
