import { connect } from 'node:tls'
import { formatHostPort } from '@armature/async/host-port'
import { ConnectError } from '@armature/messaging/errors'

export interface Place {
  readonly host: string
  readonly port: number
  readonly isSecure: boolean
  readonly vhost: string
}

const probeMs = 2_000

/** Why an attempt to connect failed, in one line without a credential. */
export const connectFault = async (cause: unknown, place: Place): Promise<ConnectError> => {
  const { host, port, isSecure, vhost } = place
  const { code = '', message = '' } = (cause ?? {}) as { code?: unknown; message?: string }
  const at = `RabbitMQ at ${formatHostPort(host, port)}`
  const fault = (kind: ConnectError['fault'], problem: string) => new ConnectError(kind, problem, { cause })
  if (/ACCESS.REFUSED/.test(message)) {
    return fault('credentials', `${at} refuses the credentials: check user and password of the amqp: URL`)
  }
  if (/Expected ConnectionOpenOk/.test(message)) {
    const name = JSON.stringify(vhost)
    return fault('credentials', `${at} does not open the virtual host ${name}: is it there, and may this user use it?`)
  }
  if (isSecure && /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/.test(String(code))) {
    return fault('tls', `${at} does not speak TLS on this port: use amqp:, or the port of amqps: (usually 5671)`)
  }
  if (isSecure && isTlsCode(String(code))) {
    return fault('tls', `TLS with ${at} fails (${String(code)}): check ca, cert, key and serverName of the amqps: URL`)
  }
  if (!isSecure && code === 'ECONNRESET' && (await speaksTls(host, port))) {
    return fault('tls', `${at} speaks TLS on this port: use amqps:, or the port of amqp: (usually 5672)`)
  }
  return fault('unavailable', `${at} cannot be reached (${String(code) || message}): is it running?`)
}

const isTlsCode = (code: string): boolean =>
  /SSL|TLS|CERT|EPROTO|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET)|INVALID_CA|UNTRUSTED/.test(code)

const speaksTls = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, rejectUnauthorized: false, timeout: probeMs })
    const answer = (speaks: boolean) => () => {
      socket.destroy()
      resolve(speaks)
    }
    socket.once('secureConnect', answer(true)).once('error', answer(false)).once('timeout', answer(false))
  })

/** The broker's reply code of an error of the client: 404 not found, 405 locked, 406 precondition failed. */
export const replyCode = (error: unknown): number | undefined => {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'number' ? code : undefined
}

/** The broker's own words in an error of the client, in one line. */
export const brokerText = (error: unknown): string => {
  const text = error instanceof Error ? error.message : String(error)
  return (/with message "([^]*)"$/.exec(text)?.[1] ?? text).replaceAll(/\s+/g, ' ').slice(0, 300)
}
