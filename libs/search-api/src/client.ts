import { constants } from 'node:http2'
import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  credentials,
  Metadata,
  type ServiceDefinition,
  type ServiceError,
  status,
} from '@grpc/grpc-js'
import { type MonitorResponse, olderSearch, type SearchRequest, type SearchResponse, searchServiceV1 } from './api.ts'

export interface SearchClientOptions {
  /** The deadline of each call including its retries, in milliseconds. Default 10,000. */
  deadlineMs?: number
  /** Options of grpc-js, such as those of a resolver. */
  channel?: ChannelOptions
  /** Such as `RotatingTls.channelCredentials()`. Default: without TLS. */
  credentials?: ChannelCredentials
}

export interface CallOptions {
  /** Appears in the server's log line of the call: up to 128 letters, digits and `_ . : / + = -`. */
  requestId?: string
  signal?: AbortSignal
}

/** Calls the v1 API. Methods reject with grpc-js's ServiceError: `code` is the status, `details` says why. */
export interface SearchClient {
  search(request: Partial<SearchRequest>, options?: CallOptions): Promise<SearchResponse>
  /** How many things there are. */
  monitor(options?: CallOptions): Promise<number>
  close(): void
}

const defaultDeadlineMs = 10_000

/**
 * A client of the server at `target`: `127.0.0.1:PORT`, or what `createClientTarget` of libs/discovery gives. It connects when it is first
 * used. A call that finds its server away is tried again, up to three times: all of them only read.
 */
export const createSearchClient = (target: string, options: SearchClientOptions = {}): SearchClient => {
  const { deadlineMs = defaultDeadlineMs, channel = {} } = options
  const methods = [...pathsOf(searchServiceV1), ...pathsOf(olderSearch)]
  const client = new Client(target, options.credentials ?? credentials.createInsecure(), retrying(channel, methods))
  const call = callWith(client, searchServiceV1, deadlineMs)
  return {
    search: (request, callOptions) => call<SearchResponse>('Search', request, callOptions),
    monitor: async (callOptions) => Number((await call<MonitorResponse>('Monitor', {}, callOptions)).n_things),
    close: () => client.close(),
  }
}

/** A method by the names that a service config has for it. */
export interface MethodName {
  readonly service: string | undefined
  readonly method: string | undefined
}

const pathsOf = (definition: ServiceDefinition): readonly MethodName[] =>
  Object.values(definition).map(({ path }) => {
    const [, service, method] = path.split('/')
    return { service, method }
  })

/**
 * gRPC's own retries (gRFC A6): after 50, 100 and 200 ms, up to a fifth more or less. Throttled where more than half of the calls fail,
 * so that a server in trouble is not asked four times as much.
 */
const retriesOf = (methods: readonly MethodName[]) => ({
  methodConfig: [
    {
      name: methods,
      retryPolicy: {
        maxAttempts: 4,
        initialBackoff: '0.05s',
        maxBackoff: '1s',
        backoffMultiplier: 2,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ],
  retryThrottling: { maxTokens: 100, tokenRatio: 0.5 },
})

const serviceConfigKey = 'grpc.service_config'

/** Options of a channel that tries calls of these methods again. They must be idempotent. Keeps what the options say of balancing. */
export const retrying = (channel: ChannelOptions, methods: readonly MethodName[]): ChannelOptions => {
  const given = JSON.parse(channel[serviceConfigKey] ?? '{}') as object
  return { ...channel, [serviceConfigKey]: JSON.stringify({ ...retriesOf(methods), ...given }) }
}

/**
 * Makes unary calls by the names of a service definition. One whose answer had begun when its server went away is made again, once: gRPC
 * does not try these again (gRFC A6), since in general it cannot know that nothing happens twice.
 */
export const callWith =
  (client: Client, definition: ServiceDefinition, deadlineMs: number) =>
  async <Response>(name: string, request: object, { requestId, signal }: CallOptions = {}): Promise<Response> => {
    const method = definition[name]
    if (method === undefined) throw new RangeError(`the service has no method ${name}`)
    const metadata = new Metadata()
    if (requestId !== undefined) metadata.set('x-request-id', requestId)
    const deadline = Date.now() + deadlineMs
    let begun = false

    const send = async (): Promise<Response> => {
      signal?.throwIfAborted()
      const { promise, resolve, reject } = Promise.withResolvers<Response>()
      const underway = client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize as (bytes: Buffer) => Response,
        request,
        metadata,
        { deadline },
        (error, response) => (error === null && response !== undefined ? resolve(response) : reject(error as Error)),
      )
      underway.once('metadata', () => (begun = true))
      const cancel = () => underway.cancel()
      signal?.addEventListener('abort', cancel, { once: true })
      try {
        return await promise
      } finally {
        signal?.removeEventListener('abort', cancel)
      }
    }
    try {
      return await send()
    } catch (error) {
      const { code, details } = error as ServiceError
      const isAway =
        (begun && code === status.UNAVAILABLE) || (code === status.INTERNAL && details.startsWith(noStatus))
      if (!isAway) throw error
      return send()
    }
  }

/** How grpc-js begins its error for a stream that ended without a status and without a fault, as one of a killed server may. */
const noStatus = `Received RST_STREAM with code ${constants.NGHTTP2_NO_ERROR} `
