import { afterEach, describe, expect, test } from 'vitest'
import type { Edges } from '../src/service.ts'
import { openPostgresSink, someCities, testPlatform } from './platform.ts'

const limitMs = 90_000
const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
}, limitMs)

const proof = async (changes: Partial<Edges> = {}) => {
  const { service, lines } = testPlatform(changes, { prove: true })
  closers.push(() => service.close())
  await service.start()
  const code = await service.ended
  return { code, failed: lines.filter((line) => line.startsWith('FAIL')), text: lines.join('\n') }
}

test(
  'an intact platform proves itself, and prints a line a stage',
  async () => {
    const { code, failed, text } = await proof()
    expect(failed).toEqual([])
    expect(code).toBe(0)
    for (const stage of ['search-service', 'log-shipper', 'aggregator', 'alert-monitor', 'alerts', 'reactor'])
      expect(text).toMatch(new RegExp(`^${stage} +\\d+ +\\d+ +0 +0 +0 +0$`, 'm'))
    expect(text).toMatch(/cities landed in their own country: 9\d\.\d\d %/)
    expect(text).toMatch(/p50 \d+\.\d ms, p99 \d+\.\d ms/)
  },
  limitMs,
)

describe('a proof fails', () => {
  test(
    'when one row is withheld at the sink',
    async () => {
      let isWithheld = false
      const { code, failed } = await proof({
        settleDeadlineMs: 3_000,
        openSink: async (database) => {
          const sink = await openPostgresSink(database)
          return {
            ...sink,
            write: async (batch) => {
              if (isWithheld) return sink.write(batch)
              isWithheld = true
              return ['written', ...(await sink.write(batch.slice(1)))]
            },
          }
        },
      })
      expect(code).toBe(1)
      expect(failed.join('\n')).toMatch(/442 of 443 searches found at the sink; first: [\w-]{36}/)
    },
    limitMs,
  )

  test(
    'when the stall is suppressed: nothing else raises the alert',
    async () => {
      const { code, failed } = await proof({ settleDeadlineMs: 3_000, wait: async () => undefined })
      expect(code).toBe(1)
      expect(failed).toEqual(['FAIL  no alert reported the 2000 ms stall'])
    },
    limitMs,
  )

  test(
    'when 5 % of the points are moved',
    async () => {
      const cities = async () =>
        (await someCities()).map((city, index) => (index % 20 === 0 ? { ...city, lat: 0, lng: -140 } : city))
      const { code, failed } = await proof({ cities })
      expect(code).toBe(1)
      expect(failed).toHaveLength(1)
      expect(failed[0]).toMatch(/cities landed in their own country: 9[0-5]\.\d\d %/)
    },
    limitMs,
  )
})
