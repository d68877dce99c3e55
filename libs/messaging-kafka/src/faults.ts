import { ConnectError, PublishError, TopicError, type ConnectFault } from '@armature/messaging/errors'
import { codes } from './apis.ts'
import { errorOfCode } from './client-internals.ts'

/** An error code that the broker answered. */
export class KafkaFault extends Error {
  override readonly name = 'KafkaFault'
  readonly code: number
  /** Whether the same may succeed later. */
  readonly passing: boolean

  constructor(code: number, what: string) {
    const { message, type, retriable } = errorOfCode(code)
    super(`${what}: ${message} (${type})`)
    this.code = code
    this.passing = retriable || code === codes.invalidProducerEpoch || code === codes.recordListTooLarge
  }
}

/** Throws KafkaFault unless the code says that all is well. */
export const checkCode = (code: number | undefined, what: string): void => {
  if (code !== undefined && code !== codes.none) throw new KafkaFault(code, what)
}

/** Whether to try again what failed so. A broker that refuses a log-in now may accept it later: only opening gives up at once. */
export const isPassing = (error: unknown): boolean =>
  error instanceof KafkaFault ? error.passing : !(error instanceof PublishError || error instanceof TopicError)

/** One line of what an error says, for those who read it; kafkajs puts no credentials into its errors. */
export const faultText = (error: unknown): string => {
  const { message, code } = error as { message?: string; code?: unknown }
  const text = (message ?? String(error)).replaceAll(/\s+/g, ' ').slice(0, 300)
  return typeof code === 'string' && !text.includes(code) ? `${text} (${code})` : text
}

/** Codes of OpenSSL and of node:tls for what a peer that speaks TLS, or not, or with other certificates does. */
const tlsCode =
  /^(ERR_SSL|ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)/

/** The cause of a failed connection. Only an absent broker may come back by itself. */
export const connectFaultOf = (error: unknown, usesTls: boolean): ConnectFault => {
  const { name, code, type, spokeTls, message = '' } = error as Record<string, unknown> & { message?: string }
  if (
    name === 'KafkaJSSASLAuthenticationError' ||
    type === 'SASL_AUTHENTICATION_FAILED' ||
    type === 'ILLEGAL_SASL_STATE'
  ) {
    return 'credentials'
  }
  if (spokeTls === true || (typeof code === 'string' && tlsCode.test(code))) return 'tls'
  if (usesTls && /before secure TLS connection|wrong version number|altnames|certificate/i.test(message)) return 'tls'
  return 'unavailable'
}

const remedies: Readonly<Record<ConnectFault, string>> = {
  credentials: 'check user, password and sasl (plain, scram-sha-256, scram-sha-512) of the URL',
  tls: 'check tls, ca, cert and key of the URL against the listener of the broker',
  unavailable: 'check the address and that the broker runs',
}

/** The error that opening rejects with. */
export const connectError = (fault: ConnectFault, hosts: string, cause: unknown): ConnectError =>
  new ConnectError(fault, `cannot connect to Kafka at ${hosts}: ${faultText(cause)}; ${remedies[fault]}`, { cause })

const warnAfterMs = 3_000

/** Tells once of what has failed for longer than a broker takes to hand a partition over. */
export interface Complaint {
  /** It failed again: answers how often in a row. */
  failed(fault: unknown): number
  fine(): void
}

/** One for each thing that may fail for a while; `what` begins the sentence. */
export const complaint = (warn: (problem: string) => void, what: string): Complaint => {
  let failures = 0
  let sinceMs = 0
  let told = false
  return {
    failed: (fault) => {
      const nowMs = performance.now()
      if (failures++ === 0) sinceMs = nowMs
      if (!told && nowMs - sinceMs >= warnAfterMs) {
        told = true
        warn(`kafka: ${what} fails and is tried again: ${faultText(fault)}`)
      }
      return failures
    },
    fine: () => {
      failures = 0
      told = false
    },
  }
}
