import type { RedisClient } from './connection.ts'
import type { StreamsLink } from './streams-connection.ts'
import { call, passScript, turnScript } from './streams-scripts.ts'

/**
 * With `serial` the members of a group take turns: one reads a topic, the others stand by, and who is next reads nothing new until all that
 * the member before had is settled or was taken over. So the order of a key outlives joining, leaving and dying.
 */
export interface StreamsTurns {
  /** Topics whose turn it is. */
  readonly held: readonly string[]
  /** Of these, those of which no other member has anything pending: new messages may be read. */
  readonly ready: readonly string[]
  /** Takes the turns that are free, and renews those held, where that is due. */
  take(client: RedisClient, topics: readonly string[]): Promise<void>
  /** Renews those held. */
  renew(): Promise<void>
  /** Holds none until the next `take`, since the server may have forgotten whose they are. */
  forget(): void
  /** Gives them up. */
  pass(): Promise<void>
}

/** Of one member. A turn that is not renewed for `leaseMs` is anybody's. */
export const streamsTurns = (link: StreamsLink, group: string, consumer: string, leaseMs: number): StreamsTurns => {
  let held: readonly string[] = []
  let ready: readonly string[] = []
  let nextMs = 0
  let hasPassed = false

  const ask = async (client: RedisClient, topics: readonly string[]) => {
    nextMs = performance.now() + leaseMs / 4
    const command = call(turnScript, link.prefix, group, consumer, String(leaseMs), ...topics)
    const [mine, alone] = await client.sendCommand<[string[], string[]]>([...command])
    return { mine, alone }
  }

  return {
    get held() {
      return held
    },
    get ready() {
      return ready
    },
    take: async (client, topics) => {
      if (hasPassed || (ready.length === topics.length && performance.now() < nextMs)) return
      const { mine, alone } = await ask(client, topics)
      held = mine
      ready = alone
    },
    renew: async () => {
      if (held.length === 0 || link.client === undefined) return
      const asked = held
      const { mine } = await ask(link.client, asked)
      const lost = asked.filter((topic) => !mine.includes(topic))
      held = held.filter((topic) => !lost.includes(topic))
      ready = ready.filter((topic) => !lost.includes(topic))
    },
    forget: () => {
      held = []
      ready = []
      nextMs = 0
    },
    pass: async () => {
      hasPassed = true
      const passed = held
      held = []
      ready = []
      if (passed.length > 0) await link.run(passScript, group, consumer, ...passed)
    },
  }
}
