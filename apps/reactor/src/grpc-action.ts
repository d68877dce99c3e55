import { Client, credentials, Metadata, status, type ServiceError as CallError } from '@grpc/grpc-js'
import { UnrecoverableError } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import type { Reaction } from '@armature/messaging/on'
import { traceHeaders } from './trace-headers.ts'

export interface GrpcOptions {
  /** `host:port`, or any target of gRPC. */
  readonly target: string
  /** The full name of a unary method: `/shop.Billing/Charge`. */
  readonly method: string
  /** The request, encoded: `(message) => Charge.encode({ ... }).finish()`. Default: the body of the message. */
  readonly request?: (message: Message) => Uint8Array
  /** For one call. */
  readonly deadlineMs: number
  /** Default: plain text, as within a cluster. */
  readonly tls?: boolean
}

/** Statuses that say that the same call will fail again. */
const lasting: ReadonlySet<status> = new Set([
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.ALREADY_EXISTS,
  status.PERMISSION_DENIED,
  status.FAILED_PRECONDITION,
  status.OUT_OF_RANGE,
  status.UNIMPLEMENTED,
  status.UNAUTHENTICATED,
])

/** A handler that calls a method, and what to close after the last handler. */
export interface GrpcAction {
  readonly call: (reaction: Pick<Reaction<unknown>, 'message' | 'signal'>) => Promise<void>
  readonly close: () => Promise<void>
}

/**
 * A handler that calls a unary method for each message, with the trace of the handler. OK is success; a status that says that the call will fail again
 * (INVALID_ARGUMENT, NOT_FOUND, ...) dead-letters the message, any other is tried again. Connects when it is first called. Throws TypeError for a bad
 * method.
 */
export const createGrpcAction = ({ target, method, deadlineMs, ...options }: GrpcOptions): GrpcAction => {
  if (!/^\/[\w.]+\/\w+$/.test(method)) {
    throw new TypeError(`${JSON.stringify(method)} is no method of gRPC: write it as /shop.Billing/Charge`)
  }
  const { request = ({ body }) => body, tls = false } = options
  const client = new Client(target, tls ? credentials.createSsl() : credentials.createInsecure())
  return {
    call: ({ message, signal }) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted()
        const settle = (error: CallError | null) => {
          signal.removeEventListener('abort', cancel)
          if (error === null) resolve()
          else reject(faultOf(error, target, method))
        }
        const calling = client.makeUnaryRequest(
          method,
          (bytes: Buffer) => bytes,
          (bytes: Buffer) => bytes,
          Buffer.from(request(message)),
          metadataOf(message),
          { deadline: Date.now() + deadlineMs },
          settle,
        )
        const cancel = () => calling.cancel()
        signal.addEventListener('abort', cancel, { once: true })
      }),
    close: () => {
      client.close()
      return Promise.resolve()
    },
  }
}

const metadataOf = (message: Message): Metadata => {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(traceHeaders(message))) metadata.set(name, value)
  return metadata
}

const faultOf = (error: CallError, target: string, method: string): Error => {
  const name = status[error.code] ?? String(error.code)
  const problem = `${method} of ${target} answered ${name}: ${error.details}`
  return lasting.has(error.code)
    ? new UnrecoverableError(`grpc-${name.toLowerCase().replaceAll('_', '-')}`, problem, { cause: error })
    : new Error(problem, { cause: error })
}
