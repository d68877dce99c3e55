import { expect, test } from 'vitest'
import type { KafkaCluster } from './cluster.ts'
import type { KafkaTopics } from './topics.ts'
import { watchedTopics } from './watched-topics.ts'

/** A broker with these topics and numbers of partitions. Each pause of the watcher is the next step of the test. */
const begin = (pattern: string, broker: Map<string, number>, steps: (() => void)[]) => {
  const made: string[] = []
  const warnings: string[] = []
  let isReached = true
  const known = (name: string) => {
    const partitions = broker.get(name)
    return partitions === undefined ? undefined : { name, leaders: Array.from({ length: partitions }, () => 1) }
  }
  const asking = async <Result>(answer: Result): Promise<Result> => {
    if (!isReached) throw new Error('no broker')
    return answer
  }
  const topics = {
    known,
    ensure: async (name: string) => made.push(name),
    refresh: () => asking(undefined),
    list: () => asking([...broker.keys()]),
  } as unknown as KafkaTopics
  const cluster = { pause: async () => steps.shift()?.(), closed: false } as unknown as KafkaCluster
  const watched = watchedTopics({ cluster, topics, pattern, warn: (problem) => warnings.push(problem) })
  return { watched, made, warnings, reach: (reached: boolean) => (isReached = reached) }
}

test('a topic is made where it is not there; a pattern makes none', async () => {
  const one = begin('orders', new Map([['orders', 2]]), [])
  await one.watched.find()
  expect([one.made, one.watched.names()]).toEqual([['orders'], ['orders']])
  expect(one.watched.partitions()).toEqual([0, 1].map((partition) => ({ topic: 'orders', partition })))
  const broker = new Map([
    ['orders.a', 1],
    ['other', 1],
  ])
  const many = begin('orders.*', broker, [])
  await many.watched.find()
  expect([many.made, many.watched.names()]).toEqual([[], ['orders.a']])
})

test('tells of partitions that came since, once, and goes on while they cannot be listed', async () => {
  const broker = new Map([['orders.a', 1]])
  let seen = 0
  const counts: number[] = []
  const step = (work: () => void) => () => {
    counts.push(seen)
    work()
  }
  const { watched, warnings, reach } = begin('orders.*', broker, [
    step(() => undefined),
    step(() => broker.set('orders.b', 1)),
    step(() => reach(false)),
    step(() => {
      reach(true)
      broker.set('orders.a', 2)
    }),
    step(() => undefined),
  ])
  await watched.find()
  await watched.watch(
    () => counts.length < 5,
    () => seen++,
  )
  expect(counts).toEqual([0, 0, 1, 1, 2])
  expect(seen).toBe(2)
  expect(warnings).toEqual(['kafka: the topics of orders.* cannot be listed now: no broker'])
})
