import type { Clock } from '@armature/async/clock'
import { MessagingUrlError } from '@armature/messaging/errors'
import type { Driver } from '@armature/messaging/ports'
import { memoryBroker, type MemoryBroker } from './broker.ts'
import { memoryUrlOptions, type MemoryOptions } from './settings.ts'

export interface OpenMemoryOptions {
  /** Default: the machine's. */
  readonly clock?: Clock
  /** What to connect to. Default: a broker of its own, which nothing else reaches. */
  readonly broker?: MemoryBroker
}

/**
 * A client of `options.broker`; without one, of a new broker with the URL's options, which nothing else reaches. Rejects
 * with MessagingUrlError for a bad URL and for one with parameters where the broker is given.
 */
export const openMemory = async (url: string, { broker, clock }: OpenMemoryOptions = {}): Promise<Driver> => {
  const options = memoryUrlOptions(url)
  if (broker === undefined) return created(clock === undefined ? options : { ...options, clock })
  if (Object.keys(options).length > 0) {
    throw new MessagingUrlError('memory: parameters have no effect on a broker that is open already: leave them out')
  }
  return broker.connect()
}

const created = (options: MemoryOptions): Driver => {
  try {
    return memoryBroker(options).connect()
  } catch (error) {
    if (error instanceof RangeError) throw new MessagingUrlError(`memory: ${error.message}`, { cause: error })
    throw error
  }
}
