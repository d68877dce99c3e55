import { type handleUnaryCall, type Metadata, type ServerErrorResponse, status } from '@grpc/grpc-js'
import type { Logger } from '@armature/telemetry/logger'
import { StatusError, statusMetadata } from './grpc-status.ts'

/** The call of a handler. */
export interface CallContext {
  readonly metadata: Metadata
  /** Full path: `/armature.search.v1.SearchService/Search`. */
  readonly path: string
  /** Aborted when the client cancels, goes away, or its deadline passes; no answer reaches it after that. */
  readonly signal: AbortSignal
  /** Until the client's deadline, at least 1; undefined where it gave none. */
  remainingMs(): number | undefined
}

/**
 * A unary method from an async function. A StatusError is sent as it is; anything else is logged and sent as INTERNAL
 * `internal error`, so that no internals reach the client and no rejection is left unhandled.
 */
export const unary =
  <Request, Response>(
    log: Logger,
    answer: (request: Request, context: CallContext) => Promise<Response>,
  ): handleUnaryCall<Request, Response> =>
  (call, callback) => {
    const gone = new AbortController()
    let answered = false
    // grpc-js says so at the end of each call, also of one that was answered.
    call.on('cancelled', () => answered || gone.abort(clientGone))
    const path = call.getPath()
    const deadlineMs = Number(call.getDeadline())
    const context: CallContext = {
      metadata: call.metadata,
      path,
      signal: gone.signal,
      remainingMs: () => (Number.isFinite(deadlineMs) ? Math.max(1, Math.ceil(deadlineMs - Date.now())) : undefined),
    }
    const asked = async (): Promise<Response> => answer(call.request, context)
    asked().then(
      (response) => {
        answered = true
        callback(null, response)
      },
      (error: unknown) => {
        answered = true
        callback(toStatus(error, log, path))
      },
    )
  }

/** One for all: to make an error a call costs more than the rest of its handling. */
const clientGone = new Error('the client is gone')

const toStatus = (error: unknown, log: Logger, path: string): Partial<ServerErrorResponse> => {
  if (error instanceof StatusError) {
    const metadata = statusMetadata(error)
    return { code: error.code, details: error.message, ...(metadata === undefined ? {} : { metadata }) }
  }
  log.error({ err: error, path }, 'a call failed')
  return { code: status.INTERNAL, details: 'internal error' }
}
