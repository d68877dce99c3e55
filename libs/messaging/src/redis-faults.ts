import { connect } from 'node:net'
import { ErrorReply } from '@redis/client'
import { ConnectError } from './errors.ts'

const isCredentials = (text: string): boolean =>
  /^(WRONGPASS|NOAUTH|NOPERM)\b|without any password configured/.test(text)

const isTls = ({ code = '', message }: NodeJS.ErrnoException): boolean =>
  /^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/.test(
    code,
  ) || message.includes('before secure TLS connection was established')

/** Why a connection could not be made, in one line without credentials. */
export const connectFault = (scheme: string, where: string, error: unknown): ConnectError => {
  const fault = error instanceof Error ? error : new Error(String(error))
  const { code = fault.message } = fault as NodeJS.ErrnoException
  // What an error reply says may hold what was sent: only its first word is shown.
  const said = fault instanceof ErrorReply ? fault.message.split(' ', 1)[0] : code
  if (fault instanceof ErrorReply && isCredentials(fault.message)) {
    return new ConnectError(
      'credentials',
      `Redis at ${where} refuses the credentials (${said}): check user and password of the ${scheme}: URL, and the user's rights (ACL)`,
      { cause: fault },
    )
  }
  if (isTls(fault)) {
    return new ConnectError(
      'tls',
      `TLS with Redis at ${where} failed (${said}): check that the port speaks TLS, and ca, cert, key and serverName of the ${scheme}: URL`,
      { cause: fault },
    )
  }
  return new ConnectError(
    'unavailable',
    `Redis at ${where} cannot be reached (${said}): is it running, and is the address right?`,
    {
      cause: fault,
    },
  )
}

/** For a connection without TLS that was cut off before it said anything. */
export const speaksTls = (scheme: string, where: string): ConnectError =>
  new ConnectError('tls', `Redis at ${where} speaks TLS: add tls=true to the ${scheme}: URL`)

const probeMs = 2_000
/** The first byte of a TLS record of type alert. */
const tlsAlert = 0x15

/** Whether what listens there answers plain text with a TLS alert. */
export const answersTls = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port })
    const answer = (speaks: boolean) => {
      socket.destroy()
      resolve(speaks)
    }
    socket.setTimeout(probeMs, () => answer(false))
    socket.once('connect', () => socket.write('PING\r\n'))
    socket.once('data', (data) => answer(data[0] === tlsAlert))
    socket.once('error', () => answer(false))
    socket.once('close', () => answer(false))
  })

/** Whether the connection, not the command, is at fault: the same may succeed on another. */
export const isConnectionFault = (error: unknown): boolean => {
  if (!(error instanceof ErrorReply)) return true
  return /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|UNBLOCKED)\b/.test(error.message)
}

/** Whether the server answered with an error of this kind, such as `NOGROUP`. */
export const isReplyOf = (error: unknown, kind: string): boolean =>
  error instanceof ErrorReply && error.message.startsWith(`${kind} `)
