import { Metadata, status } from '@grpc/grpc-js'

/** One field of a request and what is wrong with it: `point.lat`, `must be from -90 to 90 degrees`. */
export interface FieldViolation {
  readonly field: string
  readonly description: string
}

export interface StatusErrorOptions extends ErrorOptions {
  /** For INVALID_ARGUMENT: sent as google.rpc.BadRequest, for programs to read. */
  violations?: readonly FieldViolation[]
}

/** An answer other than OK. `details` is sent to the client: write it for the client, without internals. */
export class StatusError extends Error {
  override readonly name = 'StatusError'
  readonly code: status
  readonly violations: readonly FieldViolation[]

  constructor(code: status, details: string, { violations = [], ...options }: StatusErrorOptions = {}) {
    super(details, options)
    this.code = code
    this.violations = violations
  }
}

/** INVALID_ARGUMENT that names each field and what is wrong with it, for people and for programs. */
export const badRequest = (violations: readonly FieldViolation[]): StatusError =>
  new StatusError(
    status.INVALID_ARGUMENT,
    violations.map(({ field, description }) => `${field}: ${description}`).join('; '),
    { violations },
  )

/** The same for one field. */
export const invalidArgument = (field: string, description: string): StatusError => badRequest([{ field, description }])

/** The metadata key under which clients look for a google.rpc.Status. https://grpc.io/docs/guides/error/#richer-error-model */
export const statusDetailsKey = 'grpc-status-details-bin'

/** The metadata that is sent beside code and details; undefined = none. */
export const statusMetadata = ({ code, message, violations }: StatusError): Metadata | undefined => {
  if (violations.length === 0) return undefined
  const metadata = new Metadata()
  metadata.set(statusDetailsKey, statusBytes(code, message, violations))
  return metadata
}

const badRequestType = 'type.googleapis.com/google.rpc.BadRequest'

/**
 * google.rpc.Status { int32 code = 1; string message = 2; repeated google.protobuf.Any details = 3 }, with one detail:
 * BadRequest { repeated FieldViolation field_violations = 1 }, FieldViolation { string field = 1; string description = 2 },
 * Any { string type_url = 1; bytes value = 2 }. https://github.com/googleapis/googleapis/tree/master/google/rpc
 */
const statusBytes = (code: status, message: string, violations: readonly FieldViolation[]): Buffer => {
  const fields = violations.map(({ field, description }) =>
    delimited(1, Buffer.concat([delimited(1, field), delimited(2, description)])),
  )
  const any = Buffer.concat([delimited(1, badRequestType), delimited(2, Buffer.concat(fields))])
  return Buffer.concat([Buffer.from([0x08, code]), delimited(2, message), delimited(3, any)])
}

/** A length-delimited field of protobuf: tag, length, content. */
const delimited = (field: number, content: string | Buffer): Buffer => {
  const bytes = Buffer.from(content)
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...varint(bytes.length)]), bytes])
}

const varint = (value: number): number[] => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >> 7)])
