import { type OpenDriverOptions, openDriver } from '@armature/messaging-drivers/open'
import { isWithoutJetstream, jetstreamUrlOf } from '@armature/messaging-drivers/open-key-value'
import type { Driver } from '@armature/messaging/ports'

/**
 * The way of alerts to a NATS server that has JetStream: the server keeps them, and who listens by `nats:` hears them all the same. Resolves to
 * undefined where there is no such server. Rejects with ConnectError.
 */
export const openAlertDriver = async (url: string, options: OpenDriverOptions): Promise<Driver | undefined> => {
  const jetstreamUrl = /^nats:/i.test(url) ? jetstreamUrlOf(url) : undefined
  if (jetstreamUrl === undefined) return undefined
  try {
    return await openDriver(jetstreamUrl, options)
  } catch (error) {
    if (isWithoutJetstream(error)) return undefined
    throw error
  }
}
