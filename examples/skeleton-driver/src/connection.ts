import { reconnectDelayMs } from '@armature/async/backoff'
import { systemClock } from '@armature/async/clock'
import type { HostPort } from '@armature/async/host-port'
import { latch } from '@armature/async/latch'
import { wait } from '@armature/async/wait'
import { within } from '@armature/async/within'
import { ConnectError } from '@armature/messaging/errors'
import { connectClient, type Client } from './client.ts'
import { connectFault } from './faults.ts'

const attemptMs = 5_000

/** A connection to one server, which is made again with growing waits until it is closed. */
export interface Connection {
  /** The connected client; undefined while there is none. */
  readonly client: Client | undefined
  /** A client, at once or as soon as there is one. Rejects with ConnectError after `waitMs` and when closed. */
  connected(waitMs: number): Promise<Client>
  /** Resolves when the server answers. Rejects at once while there is no connection. */
  ping(): Promise<void>
  /** Ends the connection at once, with the calls under way. Safe to call twice. */
  close(): void
}

/** Begins to connect. */
export const skeletonConnection = (address: HostPort): Connection => {
  const clock = systemClock()
  const closing = new AbortController()
  const changed = latch()
  let client: Client | undefined
  let latestFault = connectFault(address, new Error('no answer yet'))

  const stayConnected = async () => {
    let failedAttempts = 0
    while (!closing.signal.aborted) {
      try {
        const next = await connectClient(address, attemptMs)
        if (closing.signal.aborted) return next.close()
        client = next
        failedAttempts = 0
        changed.open()
        await next.ended
      } catch (error) {
        latestFault = connectFault(address, error)
        failedAttempts++
      }
      client = undefined
      // A server that takes connections and ends them at once must not be asked without a pause.
      await wait(clock, reconnectDelayMs(failedAttempts + 1), closing.signal).catch(() => undefined)
    }
  }
  void stayConnected()

  return {
    get client() {
      return client
    },
    connected: async (waitMs) => {
      const deadlineMs = performance.now() + waitMs
      while (!closing.signal.aborted) {
        if (client !== undefined) return client
        const leftMs = deadlineMs - performance.now()
        if (leftMs <= 0) throw latestFault
        await within(leftMs, changed.wait())
      }
      throw new ConnectError('unavailable', 'the connection is closed')
    },
    ping: () => client?.ping() ?? Promise.reject(latestFault),
    close: () => {
      closing.abort()
      client?.close()
      changed.open()
    },
  }
}
