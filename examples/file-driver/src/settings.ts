import { fileURLToPath } from 'node:url'
import { MessagingUrlError } from '@armature/messaging/errors'

/** The bound of one body. */
export const maxMessageBytes = 1024 * 1024
/** A line is at most so long: a body in Base64, and headers. */
export const maxLineBytes = 4 * maxMessageBytes
/** How often files are looked at for what is new. */
export const pollMs = 20
export const closeWaitMs = 5_000

/** The folder that `file:///path/to/folder` names. Throws MessagingUrlError. */
export const folderOf = (url: string): string => {
  try {
    return fileURLToPath(url)
  } catch (cause) {
    throw new MessagingUrlError('file: name a folder, as in file:///var/lib/messages', { cause })
  }
}
