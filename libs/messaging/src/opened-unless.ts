import { unlessAborted } from '@armature/async/unless-aborted'
import type { Driver } from './ports.ts'

/**
 * The driver that is being opened. Rejects as soon as `stopping` is aborted, so that a stop does not wait for a broker that is away; a driver
 * that is opened after that is closed.
 */
export const openedUnless = async (stopping: AbortSignal, opening: Promise<Driver>): Promise<Driver> => {
  try {
    return await unlessAborted(stopping, opening)
  } catch (error) {
    if (!stopping.aborted) throw error
    opening.then((driver) => driver.close()).catch(() => undefined)
    throw new Error('stopped while the broker was opened', { cause: error })
  }
}
