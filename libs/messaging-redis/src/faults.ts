import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { ErrorReply } from '@redis/client'
import { ConnectError } from '@armature/messaging/errors'

const isCredentials = (text: string): boolean =>
  /^(WRONGPASS|NOAUTH|NOPERM)\b|without any password configured/.test(text)

const isTls = ({ code = '', message }: NodeJS.ErrnoException): boolean =>
  /^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/.test(
    code,
  ) || message.includes('before secure TLS connection was established')

/** The error of a connection that could not be made, in one line without credentials. */
export const connectFault = (scheme: string, where: string, error: unknown): ConnectError => {
  const fault = error instanceof Error ? error : new Error(String(error))
  const { code = fault.message } = fault as NodeJS.ErrnoException
  // The text of an error reply may hold what was sent, so that only its first word is shown.
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

/** The error of a URL that says TLS where the port speaks plain text, or the other way round. */
export const otherProtocol = (scheme: string, where: string, speaksTls: boolean): ConnectError =>
  new ConnectError(
    'tls',
    speaksTls
      ? `Redis at ${where} speaks TLS: add tls=true to the ${scheme}: URL`
      : `Redis at ${where} does not speak TLS: take tls=true out of the ${scheme}: URL, and begin it with ${scheme}:`,
  )

const probeMs = 2_000

/** Whether the port takes a TLS handshake, whatever the certificate. */
export const answersTls = (host: string, port: number): Promise<boolean> =>
  answers(connectTls({ host, port, rejectUnauthorized: false }), 'secureConnect')

/** Whether the port answers a PING in plain text. */
export const answersPlain = (host: string, port: number): Promise<boolean> => {
  const socket = connect({ host, port })
  socket.once('connect', () => socket.write('PING\r\n'))
  return answers(socket, 'data')
}

const answers = (socket: Socket, event: 'secureConnect' | 'data'): Promise<boolean> =>
  new Promise((resolve) => {
    const end = (does: boolean) => {
      socket.destroy()
      resolve(does)
    }
    socket.setTimeout(probeMs, () => end(false))
    socket.once(event, () => end(true))
    socket.on('error', () => end(false))
    socket.once('close', () => end(false))
  })

/** Whether the connection is at fault, not the command: the same command may succeed over another connection. */
export const isConnectionFault = (error: unknown): boolean => {
  if (!(error instanceof ErrorReply)) return true
  return /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|UNBLOCKED)\b/.test(error.message)
}

/** Whether the server answered with an error of this kind, such as `NOGROUP`. */
export const isReplyOf = (error: unknown, kind: string): boolean =>
  error instanceof ErrorReply && error.message.startsWith(`${kind} `)
