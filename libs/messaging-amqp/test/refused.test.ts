import { serverDeadlineMs, skipped } from '@armature/servers/fixture'
import { startRabbitmq, type RunningRabbitmq } from '@armature/servers/rabbitmq'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { openAmqp } from '../src/driver.ts'
import { uniqueTopic } from '@armature/messaging-kit/conformance-fixture'
import { elementAt } from '@armature/async/element-at'
import { message } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import { withOptions, writeQueueNames } from './fixture.ts'

describe.skipIf(skipped('rabbitmq'))('a quorum queue between two leaders', { timeout: 240_000 }, () => {
  let cluster: RunningRabbitmq
  const open: Driver[] = []

  beforeAll(async () => {
    cluster = await startRabbitmq({ nodes: 3 })
  }, serverDeadlineMs)
  afterEach(() => Promise.all(open.splice(0).map((driver) => driver.close())))
  afterAll(() => cluster?.stop())

  const connect = async (url: string, options: Readonly<Record<string, string>> = {}) => {
    const driver = await openAmqp(withOptions(url, options), { warn: () => undefined })
    open.push(driver)
    return driver
  }

  test('bug: a channel that met it was refused for as long as the node of the first leader was away', async () => {
    const { nodes } = cluster
    const [leader, follower, other] = [elementAt(nodes, 0), elementAt(nodes, 1), elementAt(nodes, 2)]
    const topic = uniqueTopic()
    const handled: string[] = []
    const member = await connect(cluster.url)
    await member.subscribe(topic, async ({ id }) => void handled.push(id), { group: 'sink' })
    /** Its channel is open and knows nothing of the queue. */
    const opened = async (publishWaitMs: string) => {
      const driver = await connect(other.url, { publishWaitMs, mandatory: 'false' })
      await driver.publish(uniqueTopic(), [message('nobody', 'x')])
      return driver
    }
    const [publisher, probe] = [await opened('30000'), await opened('1000')]
    await writeQueueNames(cluster)
    // Two of three are needed to elect a leader.
    follower.suspend()
    await leader.crash()
    const publishing = publisher.publish(topic, [message(topic, 'x', { id: 'met' })])
    publishing.catch(() => undefined)
    try {
      // The first ones may get no answer at all, until its node knows that the leader is gone.
      const refused = () => expect(probe.publish(topic, [message(topic, 'x')])).rejects.toMatchObject({ fault: 'full' })
      await vi.waitFor(refused, { timeout: 15_000, interval: 50 })
    } finally {
      follower.resume()
    }
    await publishing
    await vi.waitFor(() => expect(handled).toContain('met'), { timeout: 60_000, interval: 50 })
  })
})
