import type { Metric } from '@armature/telemetry/metric'
import { describe, expect, test } from 'vitest'
import { brokerNotReady, observeBroker } from '@armature/messaging/broker-readiness'
import { watchBroker } from '@armature/messaging-kit/broker-watch'
import { drivenClock } from '@armature/async/clock'
import { memoryBroker } from '../src/broker.ts'
import type { BrokerHealth } from '@armature/messaging/ports'

/** A watch of a broker that answers, fails or hangs as the test says. */
const watched = () => {
  const clock = drivenClock()
  const broker = { is: 'there' as 'there' | 'gone' | 'hanging', asked: 0 }
  const watch = watchBroker({
    clock,
    probe: () => {
      broker.asked++
      if (broker.is === 'hanging') return new Promise(() => undefined)
      return broker.is === 'there' ? Promise.resolve() : Promise.reject(new Error('gone'))
    },
  })
  return { clock, broker, watch }
}

describe('the watch of a broker', () => {
  test('says 0 while it answers, once a second', async () => {
    const { clock, broker, watch } = watched()
    await clock.advance(60_000)
    expect([watch.lostMs, broker.asked]).toEqual([0, 60])
  })

  test.each(['gone', 'hanging'] as const)(
    'counts from the first question without an answer while it is %s',
    async (is) => {
      const { clock, broker, watch } = watched()
      await clock.advance(10_500)
      broker.is = is
      await clock.advance(500)
      await clock.advance(14_999)
      expect(watch.lostMs).toBe(14_999)
      await clock.advance(1)
      expect(watch.lostMs).toBe(15_000)
      broker.is = 'there'
      await clock.advance(6_000)
      expect(watch.lostMs).toBe(0)
    },
  )

  test('asks nothing more once it is stopped, also in the middle of a question', async () => {
    const { clock, broker, watch } = watched()
    broker.is = 'hanging'
    await clock.advance(1_000)
    watch.stop()
    await clock.advance(60_000)
    expect([broker.asked, clock.pending]).toEqual([1, 0])
  })
})

const driver = (health: BrokerHealth) => ({ scheme: 'kafka', health: () => health })

describe('readiness', () => {
  test.each<[BrokerHealth, readonly string[]]>([
    [{ lostMs: 0, unreadable: [] }, []],
    [{ lostMs: 14_999, unreadable: [] }, []],
    [{ lostMs: 15_000, unreadable: [] }, ['broker: the kafka: broker has not answered for 15 s']],
    [{ lostMs: 0, unreadable: ['t/0: damaged'] }, ['partitions: t/0: damaged']],
    [
      { lostMs: 99_999, unreadable: ['a/0', 'a/1', 'a/2', 'a/3', 'a/4'] },
      ['broker: the kafka: broker has not answered for 99 s', 'partitions: a/0; a/1; a/2; and 2 more'],
    ],
  ])('%j', (health, reasons) => {
    expect(brokerNotReady(driver(health)).map(({ check, reason }) => `${check}: ${reason}`)).toEqual(reasons)
  })

  test('a driver that is not open yet, and one within the process, have nothing against it', () => {
    expect(brokerNotReady(undefined)).toEqual([])
    expect(brokerNotReady(memoryBroker().connect())).toEqual([])
  })

  test('the metrics follow', () => {
    const read = new Map<string, () => number>()
    const metrics = {
      observe: ({ name }: Metric, value: () => number) => (read.set(name, value), () => read.delete(name)),
    }
    const health = { lostMs: 0, unreadable: ['a/0'] }
    const end = observeBroker(driver(health), metrics)
    const values = () => [...read].map(([name, value]) => [name, value()])
    expect(values()).toEqual([
      ['messaging_broker_up', 1],
      ['messaging_unreadable_partitions', 1],
    ])
    Object.assign(health, { lostMs: 1, unreadable: [] })
    expect(values().map(([, value]) => value)).toEqual([0, 0])
    end()
    expect(read.size).toBe(0)
  })
})
