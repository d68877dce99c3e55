import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js'
import { searchServiceV1, type SearchRequest, type SearchResponse } from '@armature/search-api/api'

/** A search-service that finds one thing whatever it is asked for. */
export interface SearchServer {
  readonly address: string
  /** The request ids of the searches so far. */
  readonly requestIds: string[]
  close(): Promise<void>
}

export const createSearchServer = async (): Promise<SearchServer> => {
  const requestIds: string[] = []
  const server = new Server()
  server.addService(searchServiceV1, {
    Search: (call: ServerUnaryCall<SearchRequest, SearchResponse>, answer: sendUnaryData<SearchResponse>) => {
      requestIds.push(String(call.metadata.get('x-request-id')[0]))
      answer(null, { results: [{}] } as unknown as SearchResponse)
    },
    Monitor: (_call: unknown, answer: sendUnaryData<object>) => answer(null, {}),
  })
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  )
  return {
    address: `127.0.0.1:${port}`,
    requestIds,
    close: () => new Promise((resolve) => server.tryShutdown(() => resolve())),
  }
}
