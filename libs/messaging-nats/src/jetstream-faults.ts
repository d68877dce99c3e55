import { JetStreamApiError } from '@nats-io/jetstream'
import type { PublishFault } from '@armature/messaging/errors'

/** Codes of errors of JetStream's API: https://github.com/nats-io/nats-server/blob/main/server/errors.json */
export const apiErrors = {
  noStream: 10059,
  noConsumer: 10014,
  consumerExists: 10148,
  nameInUse: 10058,
  overlap: 10065,
  noMessage: 10037,
  noSequence: 10043,
  noTtl: 10166,
} as const

/** The server's code of an error of its API; undefined for any other error. */
export const apiCode = (error: unknown): number | undefined =>
  error instanceof JetStreamApiError ? error.apiError().err_code : undefined

/** Answers `otherwise` where the call fails with one of these codes. Any other error is thrown. */
export const unlessCode = async <Result, Otherwise>(
  call: Promise<Result>,
  codes: readonly number[],
  otherwise: Otherwise,
): Promise<Result | Otherwise> => {
  try {
    return await call
  } catch (error) {
    const code = apiCode(error)
    if (code !== undefined && codes.includes(code)) return otherwise
    throw error
  }
}

/** The stream has no room left for the message. */
const fullCodes: ReadonlySet<number> = new Set([10023, 10028, 10047, 10077, 10110, 10120])
const tooLargeCode = 10054
/** The stream has no leader now, is starting, or takes no more messages at this moment. */
const transientCodes: ReadonlySet<number> = new Set([10008, 10009, 10039, 10076, 10167])
const tooManyRequests = 429
const unavailable = 503

/** An error as the server sends it. */
export interface ApiError {
  readonly code: number
  readonly err_code: number
  readonly description: string
}

/** Whether the same message may be stored when it is sent again a little later. */
export const isTransient = ({ code, err_code }: ApiError): boolean =>
  !fullCodes.has(err_code) && (transientCodes.has(err_code) || code === tooManyRequests || code === unavailable)

/** The fault of a PublishError for a message that the server refused. */
export const publishFaultOf = ({ err_code }: ApiError): PublishFault => {
  if (fullCodes.has(err_code)) return 'full'
  return err_code === tooLargeCode ? 'too-large' : 'unavailable'
}
