import { serverDeadlineMs, serverUrl } from '@armature/servers/fixture'
import { afterEach, beforeAll, vi } from 'vitest'
import type { Driver } from '@armature/messaging/ports'
import { openRedisStreams } from '../src/streams-driver.ts'
import { rawRedis, streamsUrl, type RawRedis } from './raw.ts'

/** The shared Redis, drivers and clients of it that are closed after each test, and a patient wait. Call it at the top of a test file. */
export const redisFixture = () => {
  vi.setConfig({ testTimeout: 30_000 })
  let server = ''
  let open: { close(): unknown }[] = []

  beforeAll(async () => {
    server = await serverUrl('redis')
  }, serverDeadlineMs)
  afterEach(async () => {
    await Promise.all(open.map((each) => each.close()))
    open = []
  })

  const closing = <Closable extends { close(): unknown }>(each: Closable): Closable => {
    open.push(each)
    return each
  }
  return {
    get server() {
      return server
    },
    closing,
    connect: async (options = 'claimIdleMs=600'): Promise<Driver> =>
      closing(await openRedisStreams(streamsUrl(server, options))),
    rawClient: async (): Promise<RawRedis> => closing(await rawRedis(server)),
    eventually: (assertion: () => void | Promise<void>) => vi.waitFor(assertion, { timeout: 10_000, interval: 10 }),
  }
}
