import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { numbered, recorder, uniqueTopic, type Conformance, type RestartableBroker } from './conformance-fixture.ts'
import { PublishError } from '@armature/messaging/errors'
import type { Driver } from '@armature/messaging/ports'

const keys = ['a', 'b', 'c', 'd', 'e']
/** How long a broker may take to start, with slack for a busy machine. */
const startMs = 60_000
const shortWaitMs = 500

/** Tests of a driver whose broker dies and comes back. The broker is the suite's own. */
export const restartConformance = ({ options, eventuallyWithin }: Conformance): void => {
  const { openRestartable, atLeastOnce, groups, closeWaitMs = 5_000 } = options

  describe('a broker that dies', () => {
    if (openRestartable === undefined) {
      test('not given, so not tested: a broker that can be killed and started again', () => undefined)
      return
    }
    let broker: RestartableBroker
    const open: Driver[] = []
    const connect = async (publishWaitMs?: number) => {
      const driver = await broker.open(publishWaitMs === undefined ? {} : { publishWaitMs })
      open.push(driver)
      return driver
    }
    beforeAll(async () => {
      broker = await openRestartable()
    }, 3 * startMs)
    afterAll(async () => {
      await Promise.all(open.map((driver) => driver.close()))
      await broker?.stop()
    }, startMs)

    test(
      'in the middle of a stream: consumers come back by themselves, and nothing confirmed is lost',
      {
        timeout: 4 * startMs,
      },
      async () => {
        const topic = uniqueTopic()
        const [publisher, consumer] = [await connect(), await connect()]
        const seen = recorder()
        await consumer.subscribe(topic, seen.handle, groups ? { group: `g-${topic}` } : {})
        const confirmed = new Set<string>()
        const attempted = new Set<string>()
        const publish = async (count: number) => {
          const messages = numbered(topic, count, keys)
          for (const { id } of messages) attempted.add(id)
          await publisher.publish(topic, messages)
          for (const { id } of messages) confirmed.add(id)
        }
        for (let round = 0; round < 20; round++) await publish(25)
        await eventuallyWithin(startMs, () => expect(seen.acked.length).toBeGreaterThan(100))

        // Some under way when it dies, some begun while it is away.
        const dying = Promise.allSettled([publish(50)])
        await broker.crash()
        const away = Promise.allSettled([publish(25), publish(25)])
        await broker.restart()
        await dying
        const outcomes = await away
        if (atLeastOnce) {
          expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
        } else {
          // No consumer gets messages that are published before it is back.
          const since = new Set<string>()
          await eventuallyWithin(startMs, async () => {
            const [probe] = numbered(topic, 1)
            if (probe === undefined) return
            for (const ids of [attempted, since]) ids.add(probe.id)
            await publisher.publish(topic, [probe])
            expect(seen.ids().some((id) => since.has(id))).toBe(true)
          })
          confirmed.clear()
        }
        await publish(100)
        await eventuallyWithin(startMs, () => {
          const ids = new Set(seen.ids())
          expect([...confirmed].filter((id) => !ids.has(id))).toEqual([])
        })
        expect(seen.ids().filter((id) => !attempted.has(id))).toEqual([])
      },
    )

    test(
      'a publish waits no longer than it may, and close no longer than closeWaitMs, handler or not',
      {
        timeout: 2 * startMs,
      },
      async () => {
        const topic = uniqueTopic()
        const driver = await connect(shortWaitMs)
        const seen = recorder(() => new Promise(() => undefined))
        const subscription = await driver.subscribe(topic, seen.handle)
        await driver.publish(topic, numbered(topic, 3))
        await eventuallyWithin(startMs, () => expect(seen.unsettled).toBe(3))
        await broker.crash()
        const crashedMs = performance.now()
        const publish = driver.publish(topic, numbered(topic, 3))
        await expect(publish).rejects.toThrow(PublishError)
        await expect(publish).rejects.toMatchObject({ fault: 'unavailable', retryable: true })
        expect(performance.now() - crashedMs).toBeLessThan(shortWaitMs + closeWaitMs)
        const closingMs = performance.now()
        await driver.close()
        expect(performance.now() - closingMs).toBeLessThan(closeWaitMs + 1_000)
        expect(subscription.inFlight).toBe(0)
        await expect(driver.publish(topic, numbered(topic, 1))).rejects.toMatchObject({ fault: 'closed' })
      },
    )
  })
}
