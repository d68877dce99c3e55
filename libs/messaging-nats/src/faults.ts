import { connect as connectSocket } from 'node:net'
import { formatHostPort } from '@armature/async/host-port'
import { errors } from '@nats-io/nats-core'
import { ConnectError } from '@armature/messaging/errors'
import type { NatsUrl } from './settings.ts'

type Fault = ConnectError['fault']

/** Why no connection could be made, and what to check. Only `unavailable` may pass by itself. */
export const connectFault = async (url: NatsUrl, cause: unknown): Promise<ConnectError> => {
  const fault = (await wantsCertificate(url, cause)) ? 'tls' : faultOf(cause)
  return new ConnectError(fault, problemOf(url, fault, cause), { cause })
}

const tlsCode = /TLS|SSL|CERT|SIGNATURE|EPROTO|ALTNAME|CRL/

const faultOf = (error: unknown): Fault => {
  if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError) {
    return 'credentials'
  }
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (tlsCode.test(code ?? '') || message.includes("'tls'")) return 'tls'
  }
  return 'unavailable'
}

const problemOf = ({ scheme, hosts, tls }: NatsUrl, fault: Fault, cause: unknown): string => {
  const servers = hosts.map(({ host, port }) => formatHostPort(host, port)).join(', ')
  const { code, message } = cause as NodeJS.ErrnoException
  const said = code ?? message
  if (fault === 'credentials') {
    return `${scheme}: ${servers} refuses the credentials: check user and password, token, creds or nkey`
  }
  if (fault === 'unavailable') return `${scheme}: ${servers} cannot be reached (${said}): is NATS running there?`
  const advice =
    tls === undefined
      ? 'the server wants TLS: add tls=true and ca=FILE'
      : tls.cert === undefined && cause instanceof errors.TimeoutError
        ? 'the server wants a certificate of its clients: add cert=FILE and key=FILE'
        : 'check tls, ca, cert, key and serverName against the server'
  return `${scheme}: no TLS connection to ${servers} (${said}): ${advice}`
}

const infoWaitMs = 1_000

/** A server that wants a certificate and gets none falls silent. What it says before TLS begins tells why. */
const wantsCertificate = ({ hosts, tls }: NatsUrl, cause: unknown): Promise<boolean> => {
  if (!(cause instanceof errors.TimeoutError) || tls === undefined || tls.cert !== undefined)
    return Promise.resolve(false)
  return new Promise((resolve) => {
    const [{ host, port } = { host: '', port: 0 }] = hosts
    let text = ''
    const socket = connectSocket(port, host)
    const end = () => {
      socket.destroy()
      resolve(/"tls_verify":\s*true/.test(text))
    }
    socket.setTimeout(infoWaitMs, end)
    socket.on('error', end)
    socket.on('close', end)
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (text.includes('\r\n')) end()
    })
  })
}
