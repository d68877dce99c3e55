import type { Driver } from './ports.ts'

/**
 * The driver that is being opened. Rejects as soon as `stopping` is aborted, so that a stop does not wait for a broker that is away; a driver
 * that is opened after that is closed.
 */
export const openedUnless = async (stopping: AbortSignal, opening: Promise<Driver>): Promise<Driver> => {
  const stopped = Promise.withResolvers<never>()
  const stop = () => {
    opening.then((driver) => driver.close()).catch(() => undefined)
    stopped.reject(new Error('stopped while the broker was opened'))
  }
  if (stopping.aborted) stop()
  stopping.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([opening, stopped.promise])
  } finally {
    stopping.removeEventListener('abort', stop)
  }
}
