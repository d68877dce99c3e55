import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** The text of a file of UTF-8, or what is wrong with it, in words that follow its path. */
export const readBounded = (path: string, maxBytes: number): { text: string } | { problem: string } => {
  let descriptor: number | undefined
  try {
    descriptor = openSync(path, 'r')
    if (fstatSync(descriptor).isDirectory()) return { problem: 'is a folder' }
    const buffer = Buffer.alloc(maxBytes + 1)
    let length = 0
    for (let read = -1; read !== 0 && length <= maxBytes; length += read)
      read = readSync(descriptor, buffer, length, maxBytes + 1 - length, null)
    if (length > maxBytes) return { problem: `is longer than ${maxBytes} bytes` }
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length)) }
  } catch (error) {
    return { problem: reasonOf(error) }
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

const reasonOf = (error: unknown): string => {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return 'does not exist'
  if (code === 'EACCES') return 'may not be read by this user'
  return code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'is not UTF-8' : `cannot be read (${code ?? 'unknown error'})`
}
