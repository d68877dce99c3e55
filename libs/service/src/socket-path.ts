import { lstat, rm } from 'node:fs/promises'
import { connect } from 'node:net'

/** The path of `unix:PATH` or `unix:///PATH`; undefined for any other host. */
export const socketPathOf = (host: string): string | undefined => /^unix:(?:\/\/(?=\/))?(.+)$/is.exec(host)?.[1]

/** The longest address of a socket (sun_path), without its closing NUL. */
const maxPathBytes = 107

/**
 * Removes the socket that a killed process left at `path`; one that still answers stays, and so does any other file. Rejects with
 * RangeError when the path is too long for a socket.
 */
export const freeSocketPath = async (path: string): Promise<void> => {
  if (Buffer.byteLength(path) > maxPathBytes)
    throw new RangeError(`the path of a socket has at most ${maxPathBytes} bytes, this one has more: ${path}`)
  const file = await lstat(path).catch(() => undefined)
  if (file?.isSocket() === true && (await isDead(path))) await rm(path, { force: true })
}

/** Nobody accepts on it. A socket whose queue is full, or that may not be opened, is not dead. */
const isDead = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(false)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'))
  })
