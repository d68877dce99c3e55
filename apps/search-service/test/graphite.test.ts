import { serverDeadlineMs } from '@armature/servers/fixture'
import { type RunningGraphite, startGraphite } from '@armature/servers/graphite'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Database } from '@armature/database/database'
import { createSearchClient } from '@armature/search-api/client'
import { openAreas, startSearch } from './server.ts'

let graphite: RunningGraphite
let database: Database
beforeAll(async () => {
  ;[graphite, database] = await Promise.all([startGraphite(), openAreas()])
}, serverDeadlineMs)
afterAll(async () => {
  await Promise.all([graphite?.stop(), database?.close()])
}, 60_000)

/** The points that Graphite has of the last minute, without those that have no value. */
const points = async (target: string): Promise<readonly number[]> => {
  const answer = await fetch(`${graphite.url}/render?target=${target}&from=-60s&format=json`)
  const [series] = (await answer.json()) as { datapoints: [number | null, number][] }[]
  return (series?.datapoints ?? []).flatMap(([value]) => (value === null ? [] : [value]))
}
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

test('timers and counters of searches and monitor calls are seen in Graphite', { timeout: 120_000 }, async () => {
  const running = await startSearch({ database, config: { statsdPort: graphite.statsdPort } })
  const client = createSearchClient(running.service.address)
  try {
    for (let call = 0; call < 5; call += 1) await client.search({ query: 'area' })
    for (let call = 0; call < 3; call += 1) await client.monitor()
    await vi.waitFor(
      async () => {
        expect(sum(await points('stats.counters.search_count.count'))).toBe(5)
        expect(sum(await points('stats.counters.monitor_count.count'))).toBe(3)
        expect(sum(await points('stats.timers.search.count'))).toBe(5)
        expect(sum(await points('stats.timers.monitor.count'))).toBe(3)
      },
      { timeout: 30_000, interval: 200 },
    )
    for (const name of ['search', 'monitor']) {
      const means = (await points(`stats.timers.${name}.mean`)).filter((mean) => mean > 0)
      expect(means.length).toBeGreaterThan(0)
      for (const mean of means) expect(mean).toBeLessThan(60_000)
    }
  } finally {
    client.close()
    await running.close()
  }
})
