import type { RedisClient } from './commands.ts'
import type { StreamsConnection } from './streams-connection.ts'
import { acquireLeasesScript, releaseLeasesScript } from './streams-consumer-scripts.ts'
import { call } from './streams-scripts.ts'

/**
 * With `serial` one consumer of a group at a time reads a topic: the one that leases it. The next one reads nothing new until all entries
 * of the consumer before are settled or claimed. So the order of a key outlives joining, leaving and dying.
 */
export interface TopicLeases {
  /** Topics that this consumer leases. */
  readonly leased: readonly string[]
  /** The topics among these of which no other consumer has pending entries: new entries may be read. */
  readonly readable: readonly string[]
  /** Takes the leases that are free and renews those held, when it is time. */
  acquire(client: RedisClient, topics: readonly string[]): Promise<void>
  /** Renews the leases held. */
  renew(): Promise<void>
  /** Holds no lease until the next `acquire`: the server may have forgotten whose they are. */
  forget(): void
  /** Gives the leases up, and takes none from now on. */
  release(): Promise<void>
}

/** The leases of one consumer. A lease that is not renewed for `leaseMs` is free. */
export const topicLeases = (
  connection: StreamsConnection,
  group: string,
  consumer: string,
  leaseMs: number,
): TopicLeases => {
  let leased: readonly string[] = []
  let readable: readonly string[] = []
  let nextMs = 0
  let isReleased = false

  const ask = async (client: RedisClient, topics: readonly string[]) => {
    nextMs = performance.now() + leaseMs / 4
    const command = call(acquireLeasesScript, connection.prefix, group, consumer, String(leaseMs), ...topics)
    const [granted, alone] = await client.sendCommand<[string[], string[]]>([...command])
    return { granted, alone }
  }

  return {
    get leased() {
      return leased
    },
    get readable() {
      return readable
    },
    acquire: async (client, topics) => {
      if (isReleased || (readable.length === topics.length && performance.now() < nextMs)) return
      const { granted, alone } = await ask(client, topics)
      leased = granted
      readable = alone
    },
    renew: async () => {
      const { client } = connection
      if (leased.length === 0 || client === undefined) return
      const asked = leased
      const { granted } = await ask(client, asked)
      const lost = new Set(asked.filter((topic) => !granted.includes(topic)))
      leased = leased.filter((topic) => !lost.has(topic))
      readable = readable.filter((topic) => !lost.has(topic))
    },
    forget: () => {
      leased = []
      readable = []
      nextMs = 0
    },
    release: async () => {
      isReleased = true
      const released = leased
      leased = []
      readable = []
      if (released.length > 0) await connection.run(releaseLeasesScript, group, consumer, ...released)
    },
  }
}
