import { systemClock } from '@armature/async/clock'
import type { Driver, Guarantees } from '@armature/messaging/ports'
import { createDriver } from '@armature/messaging-kit/create-driver'
import type { OpenOptions } from '@armature/messaging-kit/open-options'
import { skeletonBrowser } from './browser.ts'
import { skeletonConnection } from './connection.ts'
import { skeletonPublisher } from './publisher.ts'
import { scheme, skeletonSettings } from './settings.ts'
import { openSubscription } from './subscription.ts'

/** What the server keeps. */
export const skeletonGuarantees: Guarantees = {
  atLeastOnce: true,
  order: 'key',
  replay: true,
  groups: true,
  wildcards: true,
  headers: true,
  delay: true,
}

/**
 * A client of the server that `skeleton://host:port` names. Rejects with MessagingUrlError for a bad URL and ConnectError where the server cannot
 * be had.
 */
export const openSkeleton = async (url: string, options: OpenOptions = {}): Promise<Driver> => {
  const { source = '/armature', clock } = options
  const { address, maxMessageBytes, publishWaitMs, connectWaitMs, closeWaitMs } = skeletonSettings(url)
  const connection = skeletonConnection(address)
  try {
    await connection.connected(connectWaitMs)
  } catch (error) {
    connection.close()
    throw error
  }
  return createDriver({
    scheme,
    guarantees: skeletonGuarantees,
    limits: { maxMessageBytes },
    send: skeletonPublisher({ connection, source, publishWaitMs }),
    open: (request) =>
      openSubscription({ connection, request, connectWaitMs, closeWaitMs, clock: clock ?? systemClock() }),
    browser: skeletonBrowser(connection, connectWaitMs),
    probe: connection.ping,
    isConnected: () => connection.client !== undefined,
    end: async () => connection.close(),
    closeWaitMs,
    clock,
  })
}
