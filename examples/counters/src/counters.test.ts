import { drivenClock, type DrivenClock } from '@armature/async/clock'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { seededRandom } from '@armature/async/random'
import { describe, expect, test } from 'vitest'
import { counterNames, runCounters, type Post, type Transport } from './counters.ts'
import { overBus } from './over-bus.ts'
import { overTopic } from './over-topic.ts'

const transports: [string, (clock: DrivenClock) => Transport][] = [
  ['the bus', overBus],
  ['a topic', (clock) => overTopic(memoryBroker({ clock, seed: 3 }).connect(), clock)],
]

const sums = (posts: readonly Post[]) =>
  Object.fromEntries(
    counterNames.map((name) => [
      name,
      posts.filter(({ counter }) => counter === name).reduce((sum, { count }) => sum + count, 0),
    ]),
  )

const start = (open: (clock: DrivenClock) => Transport, durationMs: number) => {
  const clock = drivenClock()
  const inner = open(clock)
  const posts: Post[] = []
  const lines: { atMs: number; name: string; change: number }[] = []
  const stop = new AbortController()
  let closed = false
  const transport: Transport = {
    subscribe: (onPost) => inner.subscribe(onPost),
    post: (post) => {
      posts.push(post)
      return inner.post(post)
    },
    close: async () => {
      await inner.close()
      closed = true
    },
  }
  const counted = runCounters({
    transport,
    clock,
    random: seededRandom(11),
    durationMs,
    print: (line) => {
      const [, name = '', change] = /^\d+ s {2}(c\d) {2}\+(\d+)$/.exec(line) ?? []
      lines.push({ atMs: clock.now(), name, change: Number(change) })
    },
    signal: stop.signal,
  })
  const printed = () =>
    Object.fromEntries(
      counterNames.map((name) => [
        name,
        lines.filter((line) => line.name === name).reduce((sum, { change }) => sum + change, 0),
      ]),
    )
  return { clock, counted, posts, lines, printed, stop, closed: () => closed }
}

describe.each(transports)('over %s', (_, open) => {
  test('what is printed adds up to what was posted', async () => {
    const { clock, counted, posts, lines, printed, closed } = start(open, 20_000)
    await clock.advance(20_000)
    expect(closed()).toBe(true)
    expect(await counted).toBe(30_000)
    expect(posts).toHaveLength(30_000)
    expect(printed()).toEqual(sums(posts))
    expect(lines.map(({ name }) => name)).toEqual(Array.from({ length: 10 }, () => counterNames).flat())
    expect(lines.map(({ atMs }) => atMs)).toEqual(
      Array.from({ length: 40 }, (_line, index) => (Math.floor(index / 4) + 1) * 2_000),
    )
    expect(posts.every(({ count }) => Number.isInteger(count) && count >= 1 && count <= 100)).toBe(true)
    expect(new Set(posts.map(({ count }) => count)).size).toBe(100)
    expect(clock.pending).toBe(0)
  })

  test('stopped early, everything posted is still counted and printed', async () => {
    const { clock, counted, posts, printed, stop, closed } = start(open, 20_000)
    await clock.advance(3_010)
    stop.abort()
    await clock.advance(0)
    expect(closed()).toBe(true)
    expect(await counted).toBe(30 * 150)
    expect(posts).toHaveLength(30 * 150)
    expect(printed()).toEqual(sums(posts))
    expect(clock.pending).toBe(0)
  })
})
