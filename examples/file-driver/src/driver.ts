import { createDriver } from '@armature/messaging-kit/create-driver'
import type { OpenOptions } from '@armature/messaging-kit/open-options'
import type { Driver, Guarantees } from '@armature/messaging/ports'
import { openLog } from './log.ts'
import { filePublisher } from './publisher.ts'
import { closeWaitMs, folderOf, maxMessageBytes } from './settings.ts'
import { openSubscription } from './subscription.ts'

/** A rejected message comes again while its subscription lasts. There are no groups, so no place is kept after it. */
export const fileGuarantees: Guarantees = {
  atLeastOnce: true,
  order: 'topic',
  replay: true,
  groups: false,
  wildcards: true,
  headers: true,
  delay: true,
}

/** Opens `file:///path/to/folder`: one file for each topic. Rejects with MessagingUrlError, and where the folder cannot be made. */
export const openFiles = async (url: string, options: OpenOptions = {}): Promise<Driver> => {
  const { source = '/armature', clock, warn = (problem: string) => process.emitWarning(problem) } = options
  const log = await openLog(folderOf(url))
  return createDriver({
    scheme: 'file',
    guarantees: fileGuarantees,
    limits: { maxMessageBytes },
    checkTopic: (topic) => log.checkTopic(topic),
    send: filePublisher(log, source),
    open: (request) => openSubscription(log, request, warn),
    probe: () => log.topics(),
    end: async () => undefined,
    closeWaitMs,
    clock,
  })
}
