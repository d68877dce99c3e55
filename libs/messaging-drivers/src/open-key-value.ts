import type { OpenOptions } from '@armature/messaging-kit/open-options'
import { ConnectError } from '@armature/messaging/errors'
import type { KeyValue } from '@armature/messaging/key-value'

/** The `jetstream:` URL of the same server; undefined for another broker than NATS. */
export const jetstreamUrlOf = (url: string): string | undefined =>
  /^(nats|jetstream):/i.test(url) ? url.replace(/^[a-z]+:/i, 'jetstream:') : undefined

/**
 * Opens a bucket at the broker of the URL. Resolves to undefined where the broker has none: where it is not NATS, or has no JetStream. Rejects
 * with MessagingUrlError and with ConnectError.
 */
export const openKeyValue = async (
  url: string,
  name: string,
  options: OpenOptions = {},
): Promise<KeyValue | undefined> => {
  const jetstreamUrl = jetstreamUrlOf(url)
  if (jetstreamUrl === undefined) return undefined
  const { openJetstreamKeyValue } = await import('@armature/messaging-nats/key-value')
  try {
    return await openJetstreamKeyValue(jetstreamUrl, name, options)
  } catch (error) {
    if (isWithoutJetstream(error)) return undefined
    throw error
  }
}

/** Whether the server is there and has no JetStream. */
export const isWithoutJetstream = (error: unknown): boolean =>
  error instanceof ConnectError && /has no JetStream/.test(error.message)
