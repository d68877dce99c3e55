import { Pool } from 'undici'

export interface OpensearchClientOptions {
  /** `https://host:9200`. */
  readonly origin: string
  /** The value of the header `authorization`. */
  readonly authorization: string | undefined
  /** Certificates of the authorities that the server's certificate is checked by, as PEM. Default: those of Node. */
  readonly ca: string | undefined
  readonly maxConnections: number
}

export interface OpensearchAnswer {
  readonly status: number
  /** The wait that the server asks for, in milliseconds; 0 if it asks for none. */
  readonly retryAfterMs: number
  readonly text: string
}

export interface OpensearchRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT'
  readonly path: string
  readonly contentType?: 'application/json' | 'application/x-ndjson'
  readonly body?: string
}

/** Requests to one OpenSearch or Elasticsearch. */
export interface OpensearchClient {
  /** Resolves to the answer, whatever its status. Rejects when there is no whole answer: what the request did is then not known. */
  request(request: OpensearchRequest, signal?: AbortSignal): Promise<OpensearchAnswer>
  close(): Promise<void>
}

const connectTimeoutMs = 10_000
/** The limit unless the caller's signal ends the request earlier. */
const answerTimeoutMs = 60_000
const maxAnswerBytes = 64 * 1024 * 1024

/** A client over kept connections; none is opened yet. */
export const createOpensearchClient = (options: OpensearchClientOptions): OpensearchClient => {
  const { origin, authorization, ca, maxConnections } = options
  const pool = new Pool(origin, {
    connections: maxConnections,
    headersTimeout: answerTimeoutMs,
    bodyTimeout: answerTimeoutMs,
    maxResponseSize: maxAnswerBytes,
    connect: { timeout: connectTimeoutMs, ...(ca === undefined ? {} : { ca }) },
  })
  return {
    request: async ({ method, path, contentType, body }, signal) => {
      const headers = {
        accept: 'application/json',
        ...(contentType === undefined ? {} : { 'content-type': contentType }),
        ...(authorization === undefined ? {} : { authorization }),
      }
      const answer = await pool.request({ method, path, headers, body: body ?? null, signal: signal ?? null })
      const text = await answer.body.text()
      return { status: answer.statusCode, retryAfterMs: retryAfterMs(answer.headers['retry-after']), text }
    },
    close: () => pool.destroy(),
  }
}

/** RFC 9110, 10.2.3: seconds, or a date. */
const retryAfterMs = (header: string | string[] | undefined): number => {
  const text = typeof header === 'string' ? header.trim() : ''
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000
  const atMs = text === '' ? NaN : Date.parse(text)
  return Number.isNaN(atMs) ? 0 : Math.max(0, atMs - Date.now())
}
