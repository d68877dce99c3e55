import type { IncomingMessage, ServerResponse } from 'node:http'
import { formatHostPort } from '@armature/async/host-port'
import { createLedger } from '@armature/telemetry/ledger'
import type { Telemetry } from '@armature/telemetry/telemetry'
import type { Part } from './combine.ts'
import { isDirectHost } from './http-hosts.ts'
import { type HttpServer, openHttpServer } from './http-server.ts'

export interface HttpPartOptions {
  /** The name of the service: that of its stage in the books. */
  readonly name: string
  /** `httpAllowedHosts` are the host names that the server answers to, beside `apiHost`, `localhost` and IP addresses. */
  readonly config: { readonly apiHost: string; readonly apiPort: number; readonly httpAllowedHosts: readonly string[] }
  readonly telemetry: Telemetry
  /** Answers a request. A throw or rejection is logged and answered with 500. */
  readonly answer: (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void>
}

/** The part of a service that answers HTTP requests on a port of its own: the server with its bounds and drain, and the books of its requests. */
export const createHttpPart = ({ name, config, telemetry, answer }: HttpPartOptions): Part => {
  const { apiHost: host, apiPort: port, httpAllowedHosts } = config
  const underWay = new Set<Promise<void>>()
  const ledger = createLedger({ stage: `${name}-http`, inFlight: () => underWay.size, metrics: telemetry.metrics })
  let server: HttpServer | undefined
  let isDraining = false

  const counted = async (response: ServerResponse, work: Promise<void>): Promise<void> => {
    ledger.received()
    underWay.add(work)
    try {
      await work
    } finally {
      underWay.delete(work)
      if (response.destroyed && !response.writableFinished) ledger.dropped('cancelled')
      else ledger.acked()
    }
  }
  return {
    start: async (stopping) => {
      stopping?.throwIfAborted()
      server = await openHttpServer({
        host,
        port,
        answersTo: isDirectHost([host, ...httpAllowedHosts]),
        answer: (request, response, url) => {
          // The client comes again by a new connection, which reaches another instance.
          if (isDraining) response.setHeader('connection', 'close')
          return counted(response, answer(request, response, url))
        },
        onFault: (err) => telemetry.log.error({ err }, 'a request failed'),
      })
    },
    stopIntake: async () => void (isDraining = true),
    finish: async () => {
      while (underWay.size > 0) await Promise.allSettled(underWay)
    },
    close: async () => server?.close(),
    ledger: () => [ledger.snapshot()],
    addresses: () =>
      server === undefined ? [] : [{ label: 'API', address: `http://${formatHostPort(host, server.port)}` }],
    waitsFor: 'waits for HTTP requests',
  }
}
