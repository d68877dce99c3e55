import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A connection on which any bytes may be sent; `text` is what was answered so far. */
export interface RawConnection {
  readonly socket: Socket
  readonly text: () => string
  /** Resolves with all that was answered once the server has closed the connection. */
  readonly closed: Promise<string>
}

/** Connects to a local port. The caller destroys the socket. */
export const rawConnection = async (port: number): Promise<RawConnection> => {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  const text = () => Buffer.concat(chunks).toString('latin1')
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(text())))
  socket.on('data', (chunk) => chunks.push(chunk))
  // A reset closes too.
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return { socket, text, closed }
}

/** Sends these bytes, ends the sending side, and answers all that came back. */
export const rawAnswer = async (port: number, bytes: string | Uint8Array): Promise<string> => {
  const { socket, closed } = await rawConnection(port)
  socket.end(bytes)
  return closed
}

/** The status codes of the answers in a text. */
export const statuses = (text: string): number[] =>
  [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status))
