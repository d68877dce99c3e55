// @ts-expect-error kafkajs has no types for its inner modules
import Broker from 'kafkajs/src/broker/index.js'
// @ts-expect-error the same
import ConnectionPool from 'kafkajs/src/network/connectionPool.js'
// @ts-expect-error the same
import { createErrorFromCode } from 'kafkajs/src/protocol/error.js'
// @ts-expect-error the same
import apiKeys from 'kafkajs/src/protocol/requests/apiKeys.js'
// @ts-expect-error the same
import { requests } from 'kafkajs/src/protocol/requests/index.js'
import type { Socket } from 'node:net'
import { writer } from './writer.ts'

/**
 * All that the driver uses of kafkajs beside its public API: connections, the log-in, and the encoding of small requests. No other file imports
 * its inner modules. The version is pinned, so they do not move; with another one, the test of this file names what is missing.
 */

/** A request as it goes out, and how its answer is read. */
export interface WireRequest {
  readonly apiKey: number
  readonly apiVersion: number
  readonly apiName: string
  /** The body of the request, which follows its head. */
  encode(): Promise<readonly Buffer[]>
  decode(payload: Buffer): Promise<unknown>
  /** How long to wait for an answer at least, where the broker may keep it waiting. */
  readonly requestTimeout?: number | undefined
}

export interface ClientOptions {
  readonly host: string
  readonly port: number
  readonly tls: object | undefined
  readonly sasl: { readonly mechanism: string; readonly username: string; readonly password: string } | undefined
  readonly clientId: string
  readonly makeSocket: (onConnect: () => void) => Socket
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
}

export interface Client {
  /** Connects and logs in. Rejects with an error of kafkajs. */
  connect(): Promise<void>
  /** The newest version of a request that the broker knows; 0 where it does not know the request. */
  newestVersion(apiKey: number): number
  /** The request as kafkajs encodes it, in the newest version that both sides know. Throws where the broker does not know it. */
  requestOf(apiName: string, ask: unknown): WireRequest
  /** Answers what `decode` makes of the answer. Rejects with an error of kafkajs where none comes, or with what `decode` throws. */
  send(request: WireRequest): Promise<unknown>
}

interface InnerBroker {
  connect(): Promise<void>
  readonly versions: Readonly<Record<number, { readonly maxVersion: number } | undefined>> | null
  lookupRequest(apiKey: number, definition: unknown): (ask: unknown) => InnerRequest
}

interface InnerRequest {
  readonly request: { readonly apiKey: number; readonly apiVersion: number; encode(): Promise<{ buffer: Buffer }> }
  readonly response: { decode(payload: Buffer): Promise<unknown> }
  /** For requests that the broker may keep waiting. */
  readonly requestTimeout?: number
}

interface InnerPool {
  readonly pool: readonly InnerConnection[]
  getConnectionByRequest(of: { readonly request: { readonly apiKey: number } }): Promise<InnerConnection>
}

interface InnerConnection {
  readonly requestQueue: InnerQueue
  readonly socket: Socket
  isAuthenticated(): boolean
  authenticate(): Promise<void>
  failIfNotConnected(): void
  nextCorrelationId(): number
}

interface InnerQueue {
  push(request: object): void
  maybeThrottle(throttleMs: number): void
  throttleCheckTimeoutId: NodeJS.Timeout | null
  throttledUntil: number
  readonly pending: readonly unknown[]
  checkPendingRequests(): void
  scheduleCheckPendingRequests(): void
}

const makePool = ConnectionPool as unknown as new (options: object) => InnerPool
const makeBroker = Broker as unknown as new (options: object) => InnerBroker
const keyOf = apiKeys as unknown as Readonly<Record<string, number>>
const definitionOf = requests as unknown as Readonly<Record<string, unknown>>

const newPool = (options: ClientOptions): InnerPool => {
  const { host, port, tls, sasl, clientId, makeSocket, connectTimeoutMs, requestTimeoutMs } = options
  const pool = new makePool({
    host,
    port,
    ssl: tls,
    // kafkajs keeps a state of its own in it.
    sasl: sasl === undefined ? undefined : { ...sasl },
    clientId,
    socketFactory: ({ onConnect }: { onConnect: () => void }) => makeSocket(onConnect),
    connectionTimeout: connectTimeoutMs,
    requestTimeout: requestTimeoutMs,
    enforceRequestTimeout: true,
    maxInFlightRequests: null,
    instrumentationEmitter: null,
    logger: quiet,
  })
  for (const { requestQueue } of pool.pool) requestQueue.scheduleCheckPendingRequests = checkOnlyWhatWaits
  return pool
}

const newBroker = (pool: InnerPool): InnerBroker =>
  new makeBroker({ connectionPool: pool, logger: quiet, allowAutoTopicCreation: false })

/** A client that is not connected yet. */
export const createClient = (options: ClientOptions): Client => {
  const { clientId } = options
  const pool = newPool(options)
  const broker = newBroker(pool)
  return {
    connect: () => broker.connect(),
    newestVersion: (apiKey) => broker.versions?.[apiKey]?.maxVersion ?? 0,
    requestOf: (apiName, ask) => {
      const { request, response, ...rest } = broker.lookupRequest(keyOf[apiName] ?? -1, definitionOf[apiName])(ask)
      const { apiKey, apiVersion } = request
      const encode = async () => [(await request.encode()).buffer]
      return { ...rest, apiKey, apiVersion, apiName, encode, decode: (payload) => response.decode(payload) }
    },
    send: async ({ apiKey, apiVersion, apiName, encode, decode, requestTimeout = null }) => {
      const connection = await pool.getConnectionByRequest({ request: { apiKey } })
      if (!connection.isAuthenticated()) await connection.authenticate()
      const body = await encode()
      const correlationId = connection.nextCorrelationId()
      const request = framed(
        writer().int16(apiKey).int16(apiVersion).int32(correlationId).string(clientId).done(),
        body,
      )
      const { requestQueue } = connection
      const { payload } = await new Promise<{ readonly payload: Buffer }>((resolve, reject) => {
        // Throws where the connection was lost meanwhile.
        connection.failIfNotConnected()
        requestQueue.push({
          entry: { apiKey, apiName, apiVersion, correlationId, resolve, reject },
          expectResponse: true,
          requestTimeout,
          sendRequest: () => sendParts(connection.socket, request),
        })
      })
      const answer = await decode(payload)
      requestQueue.maybeThrottle((answer as { clientSideThrottleTime?: number }).clientSideThrottleTime ?? 0)
      return answer
    },
  }
}

/** With the length of all before it. */
const framed = (head: Buffer, body: readonly Buffer[]): readonly Buffer[] => {
  let bytes = head.length
  for (const { length } of body) bytes += length
  const first = writer().int32(bytes).bytes(head).done()
  return bytes > mostCopiedBytes ? [first, ...body] : [Buffer.concat([first, ...body])]
}

/** Longer parts are not copied together, since they may have megabytes. */
const mostCopiedBytes = 16 * 1024

const sendParts = (socket: Socket, parts: readonly Buffer[]) => {
  socket.cork()
  for (const part of parts) socket.write(part)
  socket.uncork()
}

/** The words of kafkajs for an error code of the protocol, and whether it may pass. */
export const errorOfCode = createErrorFromCode as unknown as (
  code: number,
) => Error & { readonly type: string; readonly retriable: boolean }

const leastCheckMs = 10

/**
 * In the place of the queue's own, which looks every millisecond for requests that wait, also where none do, by a negative time-out (issues
 * 1704 and 1751 of kafkajs).
 */
function checkOnlyWhatWaits(this: InnerQueue) {
  if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return
  const check = () => {
    this.throttleCheckTimeoutId = null
    this.checkPendingRequests()
  }
  this.throttleCheckTimeoutId = setTimeout(check, Math.max(this.throttledUntil - Date.now(), leastCheckMs))
}

const silent = () => undefined
/** Failures come as errors; its log repeats them. */
const quiet = { info: silent, error: silent, warn: silent, debug: silent, setLogLevel: silent, namespace: () => quiet }

/** For the test of this file, which looks at the parts of kafkajs one by one. */
export const internals = { newPool, newBroker, keyOf, definitionOf }
