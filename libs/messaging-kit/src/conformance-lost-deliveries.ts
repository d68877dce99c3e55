import { message } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import { expect, onTestFinished, test, vi } from 'vitest'
import { recorder, uniqueTopic } from './conformance-fixture.ts'

/** A member whose connection loses what the server says, and what is beside it. */
export interface LossyMember {
  readonly driver: Driver
  /** Publishes over a connection of its own. */
  readonly publisher: Driver
  /** The connections lose what the server says from now on. */
  swallow(): void
  /** Ends the connections. New ones lose nothing. */
  breakOff(): unknown
  /** How many messages of the topic the server has not delivered to the group. */
  undelivered(topic: string, group: string): Promise<number>
}

const timeout = 30_000
const eventually = (assertion: () => void | Promise<void>) => vi.waitFor(assertion, { timeout, interval: 10 })

/**
 * A test: with `serial`, a delivery that was lost on the way comes again before later messages of its key. It may take `timeoutMs`.
 */
export const lostDeliveries = (scheme: string, open: () => Promise<LossyMember>, timeoutMs: number): void => {
  test(
    `bug: a delivery that was lost on the way came after later ones of its key: ${scheme}`,
    { timeout: timeoutMs },
    async () => {
      const { driver, publisher, swallow, breakOff, undelivered } = await open()
      onTestFinished(async () => void (await Promise.all([driver.close(), publisher.close()])))
      const topic = uniqueTopic()
      const group = `g-${topic}`
      const seen = recorder()
      await driver.subscribe(topic, seen.handle, { group, serial: 'key' })
      const publish = (from: number, to: number) =>
        publisher.publish(
          topic,
          Array.from({ length: to - from + 1 }, (_, at) => message(topic, '', { id: String(from + at), key: 'k' })),
        )
      await publish(1, 5)
      await eventually(() => expect(seen.acked).toHaveLength(5))
      swallow()
      await publish(6, 8)
      await eventually(async () => expect(await undelivered(topic, group)).toBe(0))
      breakOff()
      await publish(9, 20)
      await eventually(() => expect(seen.ids()).toHaveLength(20))
      expect(seen.ids()).toEqual(Array.from({ length: 20 }, (_, at) => String(at + 1)))
    },
  )
}
