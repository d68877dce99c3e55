import type { Cancel, Clock } from '@armature/async/clock'
import type { Driver } from '@armature/messaging/ports'

const lookEveryMs = 250

/** Says when the broker is lost, and when it is back. The answer ends it. */
export const watchBroker = (driver: Pick<Driver, 'health'>, clock: Clock, say: (line: string) => void): Cancel => {
  let wasConnected = true
  let cancel: Cancel = () => undefined
  const look = () => {
    const isConnected = driver.health().lostMs === 0
    if (isConnected !== wasConnected)
      say(isConnected ? 'the broker is back: listening again' : 'the broker is lost: joining it again')
    wasConnected = isConnected
    cancel = clock.after(lookEveryMs, look)
  }
  look()
  return () => cancel()
}
