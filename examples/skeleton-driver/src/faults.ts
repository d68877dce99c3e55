import { formatHostPort, type HostPort } from '@armature/async/host-port'
import { ConnectError } from '@armature/messaging/errors'

/** The connection ended before the answer came: the server may have done what it was asked, or not. */
export class LostError extends Error {
  override readonly name = 'LostError'

  constructor() {
    super('the connection was lost')
  }
}

/** The error of a server that cannot be had, in one line without credentials. */
export const connectFault = ({ host, port }: HostPort, cause: unknown): ConnectError => {
  const { code, message } = cause as NodeJS.ErrnoException
  const reason = code ?? message
  const problem = `the server at ${formatHostPort(host, port)} cannot be reached (${reason})`
  return new ConnectError('unavailable', `${problem}: is it running, and is the address right?`, { cause })
}
