import { randomInt, randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { recorder, uniqueTopic, type Conformance } from './conformance-fixture.ts'
import { message, type Message } from '@armature/messaging/message'
import type { Delivery, Driver, Guarantees } from '@armature/messaging/ports'
import { seededRandom, type Random } from '@armature/async/random'

const callers = 10
const mostMessagesAtOnce = 5
const mostPauseMs = 3
const keysOfCaller = 2
const cutEveryMs = 50
const mostCuts = 40
const timeoutMs = 180_000

interface Load {
  readonly topic: string
  /** Publishes of each caller. */
  readonly rounds: number
  readonly random: Random
  /** Ids, in the order of publishing. */
  readonly attempted: Set<string>
  readonly confirmed: Set<string>
}

const newLoad = (rounds: number, seed: number): Load => ({
  topic: uniqueTopic(),
  rounds,
  random: seededRandom(seed),
  attempted: new Set(),
  confirmed: new Set(),
})

/** One caller: each publish waits for the one before, whatever became of it. Resolves when the last one has begun. */
const runCaller = async (driver: Driver, caller: number, load: Load): Promise<void> => {
  const { topic, rounds, random, attempted, confirmed } = load
  let sequence = 0
  const next = (): Message => {
    const number = sequence++
    const id = `${caller}/${number}/${randomUUID()}`
    return message(topic, `body ${number}`, { id, key: `${caller}-${number % keysOfCaller}` })
  }
  let last = Promise.resolve()
  for (let round = 0; round < rounds; round++) {
    await last
    await pause(random.below(mostPauseMs + 1))
    const messages = Array.from({ length: 1 + random.below(mostMessagesAtOnce) }, next)
    for (const { id } of messages) attempted.add(id)
    last = driver.publish(topic, messages).then(
      () => messages.forEach(({ id }) => confirmed.add(id)),
      () => undefined,
    )
  }
}

/** Confirmed messages of a caller first came in the order of publishing, as far as the guarantees say. */
const expectCallersOrder = (
  deliveries: readonly Delivery[],
  confirmed: ReadonlySet<string>,
  order: Guarantees['order'],
) => {
  if (order === 'none') return
  const latest = new Map<string, number>()
  const seen = new Set<string>()
  for (const { id, key = '' } of deliveries) {
    if (seen.has(id) || !confirmed.has(id)) continue
    seen.add(id)
    const [caller = '', sequence] = id.split('/')
    const line = order === 'topic' ? caller : key
    expect(Number(sequence), `${id} came after a later one of ${line}`).toBeGreaterThan(latest.get(line) ?? -1)
    latest.set(line, Number(sequence))
  }
}

/** Ten callers share one connection and do not keep step: what each is told is true of its own messages. */
export const concurrencyConformance = ({ options, connect, eventually, closing }: Conformance): void => {
  const { order, openCuttable } = options

  /** Publishes the load, closes the publisher while the last publishes are under way, and compares. */
  const run = async (publisher: Driver, load: Load) => {
    const seen = recorder()
    await (await connect()).subscribe(load.topic, seen.handle)
    await Promise.all(Array.from({ length: callers }, (_, caller) => runCaller(publisher, caller, load)))
    await publisher.close()
    await eventually(() => {
      const ids = new Set(seen.ids())
      expect([...load.confirmed].filter((id) => !ids.has(id))).toEqual([])
    })
    expect(seen.ids().filter((id) => !load.attempted.has(id))).toEqual([])
    expectCallersOrder(seen.deliveries, load.confirmed, order)
    return seen
  }

  const withSeed = async (check: (seed: number) => Promise<void>) => {
    const seed = randomInt(2 ** 32)
    try {
      await check(seed)
    } catch (error) {
      throw new Error(`with the seed ${seed}: ${(error as Error).message}`, { cause: error })
    }
  }

  describe('callers out of step', { timeout: timeoutMs }, () => {
    test('bug: all that is confirmed is in the topic, once, and in order', () =>
      withSeed(async (seed) => {
        const load = newLoad(200, seed)
        const seen = await run(await connect(), load)
        // Without a fault `close` waits until all is confirmed.
        expect(load.confirmed.size).toBe(load.attempted.size)
        expect(seen.deliveries).toHaveLength(load.attempted.size)
      }))

    if (openCuttable === undefined) {
      test('not given, so not tested: the same while connections are cut', () => undefined)
      return
    }
    test('bug: all that is confirmed is in the topic, and in order, while connections are cut', () =>
      withSeed(async (seed) => {
        const { driver, cut } = await openCuttable()
        closing(driver)
        let cuts = 0
        const timer = setInterval(() => {
          if (cut() > 0) cuts++
          if (cuts >= mostCuts) clearInterval(timer)
        }, cutEveryMs)
        try {
          const load = newLoad(60, seed)
          await run(driver, load)
          expect(load.confirmed.size).toBeGreaterThan(0)
        } finally {
          clearInterval(timer)
        }
        expect(cuts).toBeGreaterThan(2)
      }))
  })
}
