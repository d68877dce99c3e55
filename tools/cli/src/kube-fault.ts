import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'

/** An answer of the API server that is an error, or no answer. */
export interface KubeFault {
  /** The HTTP status. Undefined when no answer came. */
  readonly status: number | undefined
  /** The reason in the API's words (`Forbidden`, `AlreadyExists`), or the error code of the connection. */
  readonly reason: string
  readonly message: string
  /** The same request may succeed later. */
  readonly transient: boolean
}

const transientStatuses: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504])

/** The certificate is not one that the kubeconfig trusts: later it is not either. */
const certificateFault = /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_|ERR_SSL_|ERR_OSSL_)/

/** What the client threw, in one form. Undefined for an error that says nothing about the API server. */
export const kubeFaultOf = (error: unknown): KubeFault | undefined => {
  const status = field(error, 'code')
  if (typeof status === 'number' && status >= 100) return answered(status, field(error, 'body'))
  const causes = causesOf(error)
  const timedOut = causes.some((cause) => field(cause, 'name') === 'TimeoutError')
  if (timedOut) return { status: undefined, reason: 'ETIMEDOUT', message: 'it did not answer in time', transient: true }
  const failed = causes.find((cause) => typeof field(cause, 'code') === 'string')
  if (failed === undefined) return unsent(causes)
  const reason = String(field(failed, 'code'))
  const message = String(field(failed, 'message')) || reason
  return { status: undefined, reason, message, transient: !certificateFault.test(reason) }
}

/** A request that the client did not send, such as one to a port that no browser may use either. */
const unsent = (causes: readonly unknown[]): KubeFault | undefined => {
  const [first] = causes
  if (field(first, 'name') !== 'TypeError' || field(first, 'message') !== 'fetch failed') return undefined
  const message = textOf(field(causes[1], 'message')) ?? 'the request cannot be sent'
  return { status: undefined, reason: 'unsent', message, transient: false }
}

const answered = (status: number, body: unknown): KubeFault => {
  const parsed = typeof body === 'string' ? parsedOf(body) : body
  const reason = textOf(field(parsed, 'reason')) ?? `HTTP ${status}`
  const message = textOf(field(parsed, 'message')) ?? reason
  return { status, reason, message, transient: transientStatuses.has(status) }
}

const parsedOf = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, maxMessageCharacters) : undefined

const maxMessageCharacters = 1_000
const maxCauses = 16

/** The error, its causes, and those of an AggregateError (an address of each family that failed). */
const causesOf = (error: unknown): readonly unknown[] => {
  const found: unknown[] = [error]
  for (const one of found) {
    const inner = field(one, 'errors')
    const next = [field(one, 'cause'), ...(Array.isArray(inner) ? (inner as unknown[]) : [])]
    found.push(...next.filter((cause) => cause !== undefined).slice(0, maxCauses - found.length))
  }
  return found
}

/**
 * The error with which a command ends: 69 where the API server cannot be had, 78 where it refuses. `doing` says what was asked for,
 * such as "read the Secret a/b"; `fix` what to do about a refusal.
 */
export const kubeError = (fault: KubeFault, server: string, doing: string, fix?: string): ServiceError => {
  if (fault.status === undefined) {
    const exitCode = fault.transient ? exitCodes.unavailable : exitCodes.config
    const advice = certificateFault.test(fault.reason)
      ? "Give the kubeconfig the certificate of the cluster's authority"
      : 'Check that it runs, that the kubeconfig names it, and that no NetworkPolicy is in the way'
    return new ServiceError(`cannot ${doing}: the API server ${server}: ${fault.message}`, { exitCode, fix: advice })
  }
  const exitCode = fault.transient ? exitCodes.unavailable : exitCodes.config
  const known = fault.status === 401 ? 'Log in again, or name another user in the kubeconfig' : fix
  return new ServiceError(`cannot ${doing}: the API server ${server} answers ${fault.status}: ${fault.message}`, {
    exitCode,
    ...(known === undefined ? {} : { fix: known }),
  })
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && name in value ? (value as Record<string, unknown>)[name] : undefined
