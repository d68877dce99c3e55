import type { Clock } from '@armature/async/clock'
import { MessagingUrlError } from '@armature/messaging/errors'
import type { Driver } from '@armature/messaging/ports'
import { memoryBroker, type MemoryBroker } from './broker.ts'
import { memoryUrlOptions, type MemoryOptions } from './settings.ts'

export interface OpenMemoryOptions {
  /** Default: the machine's. */
  readonly clock?: Clock
  /** The broker to connect to. Default: a new one, which nothing else reaches. */
  readonly broker?: MemoryBroker
}

/**
 * A client of `options.broker`. Without it, a client of a new broker with the options of the URL. Rejects with MessagingUrlError for a bad URL, and for
 * a URL with parameters when the broker is given.
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
