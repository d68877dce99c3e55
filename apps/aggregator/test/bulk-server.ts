import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'

/** One action of a request to `_bulk`, and its document. */
export interface BulkAction {
  readonly operation: string
  readonly index: string
  readonly id: string
  readonly version: number | undefined
  /** Undefined for a delete. */
  readonly document: Record<string, unknown> | undefined
}

/** The answer to an action whose document the server does not store. */
export interface ItemAnswer {
  readonly status: number
  readonly error?: { readonly type: string; readonly reason: string }
}

export interface BulkServer {
  readonly url: string
  readonly documents: ReadonlyMap<string, Record<string, unknown>>
  /** The actions of each request that was taken, without the checks of the sink. */
  readonly requests: BulkAction[][]
  /** The headers of each request to `_bulk`, also of the checks. */
  readonly bulkHeaders: IncomingMessage['headers'][]
  /** The other requests: `PUT /_index_template/x?create=true`. */
  readonly others: { readonly line: string; readonly headers: IncomingMessage['headers']; readonly body: string }[]
  /** Answers a request in the server's place where it returns true. Nothing is stored then. */
  onRequest: (actions: BulkAction[], response: ServerResponse, raw: string) => boolean
  /** Answers an action in the server's place. */
  onItem: (action: BulkAction) => ItemAnswer | undefined
  /** Changes the body of the answer after the documents were stored. */
  onAnswer: (body: string, actions: BulkAction[]) => string
  /** Answers requests for other paths; default 404. */
  onOther: (line: string, body: string) => { readonly status: number; readonly body?: string } | undefined
  close(): Promise<void>
}

export interface BulkServerOptions {
  /** Files of its certificate and key, as PEM. */
  readonly tls?: { readonly cert: string; readonly key: string }
}

/** A server that speaks `_bulk` and `_mget` over documents in memory, and fails as a test says. */
export const startBulkServer = async ({ tls }: BulkServerOptions = {}): Promise<BulkServer> => {
  const documents = new Map<string, Record<string, unknown>>()
  const versions = new Map<string, number>()
  const take = (action: BulkAction): ItemAnswer => {
    const answer = server.onItem(action)
    if (answer !== undefined) return answer
    if (action.document === undefined) return { status: 404 }
    if (action.operation === 'create' && documents.has(action.id))
      return { status: 409, error: { type: 'version_conflict_engine_exception', reason: 'document already exists' } }
    if (action.version !== undefined) {
      if ((versions.get(action.id) ?? -1) >= action.version)
        return {
          status: 409,
          error: { type: 'version_conflict_engine_exception', reason: 'a higher version is there' },
        }
      versions.set(action.id, action.version)
    }
    documents.set(action.id, action.document)
    return { status: 201 }
  }
  const bulk = (raw: string, response: ServerResponse) => {
    const actions = actionsOf(raw)
    if (actions.some(({ operation }) => operation !== 'delete')) server.requests.push(actions)
    if (server.onRequest(actions, response, raw)) return
    const items = actions.map((action) => ({
      [action.operation]: { _index: action.index, _id: action.id, ...take(action) },
    }))
    response.setHeader('content-type', 'application/json')
    response.end(server.onAnswer(JSON.stringify({ items }), actions))
  }
  const mget = (raw: string, response: ServerResponse) => {
    const { docs } = JSON.parse(raw) as { docs: { _index: string; _id: string }[] }
    const found = docs.map(({ _index, _id }) => ({
      _index,
      _id,
      found: documents.has(_id),
      _source: documents.get(_id),
    }))
    response.end(JSON.stringify({ docs: found }))
  }
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const raw = Buffer.concat(chunks).toString()
      const line = `${request.method} ${request.url}`
      if (line.startsWith('POST /_bulk')) {
        server.bulkHeaders.push(request.headers)
        return bulk(raw, response)
      }
      server.others.push({ line, headers: request.headers, body: raw })
      const answer = server.onOther(line, raw)
      if (answer === undefined && line.startsWith('POST /_mget')) return mget(raw, response)
      response.statusCode = answer?.status ?? 404
      response.end(answer?.body)
    })
  }
  const http =
    tls === undefined
      ? createServer(listener)
      : createSecureServer({ cert: readFileSync(tls.cert), key: readFileSync(tls.key) }, listener)
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const server: BulkServer = {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(http.address() as AddressInfo).port}`,
    documents,
    requests: [],
    bulkHeaders: [],
    others: [],
    onRequest: () => false,
    onItem: () => undefined,
    onAnswer: (body) => body,
    onOther: () => undefined,
    close: async () => {
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
  return server
}

const actionsOf = (raw: string): BulkAction[] => {
  const lines = raw.split('\n')
  if (lines.pop() !== '') throw new Error('the last line of a _bulk request has no line feed')
  const actions: BulkAction[] = []
  while (lines.length > 0) {
    const [[operation, { _index, _id, version }] = ['', { _index: '', _id: '', version: undefined }]] = Object.entries(
      JSON.parse(lines.shift() ?? '') as Record<string, { _index: string; _id: string; version?: number }>,
    )
    const document = operation === 'delete' ? undefined : (JSON.parse(lines.shift() ?? '') as Record<string, unknown>)
    actions.push({ operation, index: _index, id: _id, version, document })
  }
  return actions
}
