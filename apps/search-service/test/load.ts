import { expect, vi } from 'vitest'
import type { SearchClient } from '@armature/search-api/client'

const point = { lat: 5, lng: 12 }
const deadlineMs = 20_000
const maxFailures = 1_000

export interface RunningLoad {
  /** Resolves once so many more calls were answered. */
  more(count: number): Promise<void>
  /** Ends it; resolves with the errors of calls that failed. The clients are closed. */
  stop(): Promise<readonly unknown[]>
}

/**
 * Searches without a pause, one at a time by each of the clients; the same client may be among them several times. Ends by itself after
 * 1,000 failures: calls of a closed client fail at once, and a loop of them leaves nothing else in its process a turn.
 */
export const underLoad = (clients: readonly SearchClient[]): RunningLoad => {
  const failures: unknown[] = []
  let [answered, busy] = [0, true]
  const call = async (client: SearchClient) => {
    while (busy && failures.length < maxFailures) {
      await client.search({ point }).then(
        ({ results }) => (answered += results.length),
        (error: unknown) => failures.push(error),
      )
    }
  }
  const calls = Promise.all(clients.map(call))
  return {
    more: (count) => {
      const before = answered
      return vi.waitFor(() => expect(answered).toBeGreaterThan(before + count), { timeout: deadlineMs })
    },
    stop: async () => {
      busy = false
      await calls
      for (const client of new Set(clients)) client.close()
      return failures
    },
  }
}
