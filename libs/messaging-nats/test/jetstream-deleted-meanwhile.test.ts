import type { JetStreamManager } from '@nats-io/jetstream'
import { message, type Message } from '@armature/messaging/message'
import { subscribeSettings } from '@armature/messaging-kit/subscribe-settings'
import { skipped, uniqueName } from '@armature/servers/fixture'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { openConnection, type Connection } from '../src/connection.ts'
import { jetstreamBrowser } from '../src/jetstream-browser.ts'
import { openJetstreamManager } from '../src/jetstream-connection.ts'
import { jetstreamConsumers } from '../src/jetstream-consumers.ts'
import { openJetstream } from '../src/jetstream-driver.ts'
import { streamLives } from '../src/jetstream-lives.ts'
import { jetstreamSettings } from '../src/jetstream-settings.ts'
import { topicStreams, type Streams } from '../src/jetstream-streams.ts'
import { openJetstreamSubscription } from '../src/jetstream-subscription.ts'
import { driverUrl, keptDrivers, sharedNats } from './fixture.ts'

// The server lists a stream, and somebody deletes it before it is asked about.
const warn = () => undefined
const connectWaitMs = 5_000

describe.skipIf(skipped('nats'))('a stream that is deleted once it was listed', () => {
  const shared = sharedNats()
  const keep = keptDrivers()
  let connection: Connection
  let jsm: JetStreamManager
  /** The streams of the server, and one that is there no more. */
  let streams: Streams

  beforeEach(async () => {
    connection = await openConnection(jetstreamSettings(driverUrl('jetstream', shared.url)).url, warn)
    jsm = await openJetstreamManager(connection, connectWaitMs)
    const real = topicStreams(jsm, jetstreamSettings(driverUrl('jetstream', shared.url)))
    streams = { ...real, matching: async (pattern) => [uniqueName('deleted'), ...(await real.matching(pattern))] }
  })
  afterEach(() => connection.close())

  test.each([undefined, 'group'])('bug: a subscription to a pattern was refused for it (group: %s)', async (group) => {
    const topic = uniqueName('meanwhile')
    const driver = keep(await openJetstream(driverUrl('jetstream', shared.url)))
    await driver.publish(topic, [message(topic, 'x')])
    const settings = jetstreamSettings(driverUrl('jetstream', shared.url))
    const seen: string[] = []
    const handle = async ({ topic: each }: Pick<Message, 'topic'>) => void seen.push(each)
    const subscription = await openJetstreamSubscription({
      ...{ connection, streams, settings, connectWaitMs, warn, clock: undefined, closeWaitMs: 1_000 },
      consumers: jetstreamConsumers(jsm, settings),
      lives: streamLives(jsm),
      request: { topic, group, handle, settings: subscribeSettings(topic, { from: 'earliest' }) },
    })
    onTestFinished(() => subscription.close())
    await vi.waitFor(() => expect(seen).toEqual([topic]), 10_000)
  })

  test('bug: the list of topics failed for it', async () => {
    const topics = await jetstreamBrowser({ connection, jsm, streams, connectWaitMs }).topics()
    expect(topics.filter((topic) => topic.startsWith('deleted'))).toEqual([])
  })

  test('it has nothing to browse', async () => {
    const browser = jetstreamBrowser({ connection, jsm, streams, connectWaitMs })
    const { done } = await browser.browse(uniqueName('none'), { max: 10 })[Symbol.asyncIterator]().next()
    expect(done).toBe(true)
  })
})
