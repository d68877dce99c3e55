import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream'
import { reconnectDelayMs } from '@armature/async/backoff'
import { ConnectError } from '@armature/messaging/errors'
import type { Connection } from './connection.ts'

/**
 * JetStream's API over a connection. JetStream may take a moment to be ready after its server is: asks for `connectWaitMs`. Closes the
 * connection and rejects with ConnectError where the server has no JetStream.
 */
export const openJetstreamManager = async (
  connection: Connection,
  connectWaitMs: number,
): Promise<JetStreamManager> => {
  const deadlineMs = performance.now() + connectWaitMs
  for (let attempt = 1; ; attempt++) {
    try {
      return await jetstreamManager(connection.nc)
    } catch (cause) {
      const isMissing = /not enabled/i.test((cause as Error).message)
      const delayMs = reconnectDelayMs(attempt)
      if (!isMissing && performance.now() + delayMs < deadlineMs) {
        await new Promise((resolve) => setTimeout(resolve, delayMs))
        continue
      }
      await connection.close()
      const advice = 'start nats-server with --jetstream, or use nats: where at most once is enough'
      throw new ConnectError('unavailable', `jetstream: the server has no JetStream: ${advice}`, { cause })
    }
  }
}
