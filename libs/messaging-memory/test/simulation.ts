import { createHash } from 'node:crypto'
import { drivenClock } from '@armature/async/clock'
import { memoryBroker } from '../src/driver.ts'
import type { MemoryConnection } from '../src/connection.ts'
import { message, type Message } from '@armature/messaging/message'
import type { Delivery, Handler, Subscription } from '@armature/messaging/ports'
import { seededRandom } from '@armature/async/random'

/** A safeguard taken away on purpose, to see that its absence is found. */
export type Sabotage = 'ack-before-work' | 'no-serial' | 'forget-one'

export interface SimulationResult {
  /** What was found wrong, as `invariant: detail`. Empty = the seed passes. */
  readonly violations: readonly string[]
  /** A hash over all that happened, in order: the same for the same seed. */
  readonly trace: string
  readonly counts: Readonly<Record<string, number>>
}

interface Consumer {
  readonly connection: MemoryConnection
  readonly subscription: Subscription
  readonly maxInFlight: number
  /** Its process is stopped (SIGSTOP): handlers make no progress. */
  stalled: boolean
  gone: boolean
}

const topic = 'sim.events'
const group = 'sink'
const steps = 150
const maxSteps = 5_000

const sha = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex').slice(0, 16)

/**
 * Random publishes, rejects, kills, stalls and rebalances against the in-memory broker on a driven clock; then all heals, is
 * drained, and the ledger of writers is compared with the sink.
 */
export const simulate = async (seed: number, sabotage?: Sabotage): Promise<SimulationResult> => {
  const random = seededRandom(seed)
  const chance = (probability: number) => random.next() < probability
  const clock = drivenClock(1_700_000_000_000)
  const serial = chance(0.6)
  const keys = Array.from({ length: 1 + random.below(8) }, (_, index) => `key-${index}`)
  const limits = {
    partitions: 1 + random.below(5),
    maxPartitionMessages: 10 + random.below(100),
    publishWaitMs: 500 + random.below(2_000),
    rebalanceTimeoutMs: 50 + random.below(500),
  }
  const broker = memoryBroker({ clock, seed, ...limits })
  const trace = createHash('sha256')
  const violations: string[] = []
  const violate = (text: string) => {
    if (violations.length < 10) violations.push(text)
  }

  const attempted = new Map<string, string>()
  const confirmed = new Set<string>()
  /** What reached the sink, repeats included. */
  const sink: { id: string; key: string; sequence: number }[] = []
  const firstDeliveries = new Map<string, number>()
  const watched: string[] = []
  const consumers: Consumer[] = []
  const counts = {
    calls: 0,
    resolved: 0,
    rejectedByHandler: 0,
    wroteThenFailed: 0,
    publishesFailed: 0,
    kills: 0,
    stalls: 0,
  }
  let healing = false

  const wait = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve))
  const shared = broker.connect()

  // Writers: one a key, each message again until it is confirmed, the next one only then. They share a connection out of step.
  const writer = (key: string) => {
    const connection = chance(0.7) ? shared : broker.connect()
    let sequence = 0
    let busy = false
    const messageOf = (number: number): Message => {
      const id = `${key}/${number}`
      const body = `${id} ${'x'.repeat(random.below(20))}`
      attempted.set(id, sha(body))
      return message(topic, body, { id, key, headers: { sequence: String(number) } })
    }
    const send = async (messages: readonly Message[]) => {
      for (;;) {
        try {
          await connection.publish(topic, messages)
          for (const { id } of messages) confirmed.add(id)
          return
        } catch {
          counts.publishesFailed++
          await wait(10)
        }
      }
    }
    return {
      get busy() {
        return busy
      },
      write: async (publishes: number) => {
        if (busy) return
        busy = true
        for (let left = publishes; left > 0; left--) {
          await send(Array.from({ length: 1 + random.below(4) }, () => messageOf(sequence++)))
          await wait(random.below(4))
        }
        busy = false
      },
    }
  }

  const work = (consumer: () => Consumer): Handler => {
    const perform = async (delivery: Delivery) => {
      const { id, key = '', headers } = delivery
      const sequence = Number(headers.sequence)
      await wait(random.below(30))
      while (consumer().stalled) await wait(20)
      if (!healing && chance(0.1)) throw new Error('sink refused')
      if (sabotage === 'forget-one' && id === 'key-0/3') return
      sink.push({ id, key, sequence })
      trace.update(`sink ${id}\n`)
      if (!healing && chance(0.05)) {
        counts.wroteThenFailed++
        throw new Error('the answer of the sink was lost')
      }
    }
    return async (delivery) => {
      const it = consumer()
      const { id, key = '', attempt, headers, body } = delivery
      const sequence = Number(headers.sequence)
      counts.calls++
      trace.update(`deliver ${id} ${attempt}\n`)
      if (attempted.get(id) !== sha(body)) violate(`I2: ${id} was never attempted so`)
      const latest = firstDeliveries.get(key) ?? -1
      if (sequence > latest + 1) violate(`I4: ${id} was first delivered after ${key}/${latest}`)
      if (sequence > latest) firstDeliveries.set(key, sequence)
      if (it.gone) violate(`closed: ${id} was delivered to a subscription that is closed`)
      const { inFlight } = it.subscription
      if (inFlight > it.maxInFlight) violate(`I5: ${inFlight} unsettled, ${it.maxInFlight} allowed`)
      const done = perform(delivery)
      try {
        if (sabotage === 'ack-before-work') done.catch(() => undefined)
        else await done
        counts.resolved++
      } catch (error) {
        counts.rejectedByHandler++
        throw error
      }
    }
  }

  const join = async () => {
    const connection = broker.connect()
    const maxInFlight = 1 + random.below(20)
    const subscription = await connection.subscribe(
      topic,
      work(() => consumer),
      {
        group,
        maxInFlight,
        redeliveryDelayMs: random.below(60),
        from: 'earliest',
        ...(chance(0.5) ? { maxInFlightBytes: 10 + random.below(100) } : {}),
        ...(serial && sabotage !== 'no-serial' ? { serial: 'key' } : {}),
      },
    )
    const consumer: Consumer = { connection, subscription, maxInFlight, stalled: false, gone: false }
    consumers.push(consumer)
  }

  const leave = async (how: 'drain' | 'close' | 'kill') => {
    const live = consumers.filter(({ gone }) => !gone)
    const consumer = live[random.below(live.length)]
    if (consumer === undefined) return
    trace.update(`${how}\n`)
    if (how === 'drain') {
      await consumer.subscription.stop()
      void consumer.subscription.idle().then(() => {
        consumer.gone = true
        return consumer.connection.close()
      })
      return
    }
    consumer.gone = true
    if (how === 'close') return consumer.connection.close()
    counts.kills++
    consumer.connection.kill()
    // A killed process does nothing more; a zombie goes on for a while.
    consumer.stalled = chance(0.5)
  }

  const stall = () => {
    const consumer = consumers[random.below(Math.max(1, consumers.length))]
    if (consumer === undefined || consumer.stalled) return
    counts.stalls++
    consumer.stalled = true
    clock.after(random.below(2 * limits.rebalanceTimeoutMs), () => (consumer.stalled = false))
  }

  const writers = keys.map(writer)
  await broker.connect().subscribe(topic, async ({ id }) => void watched.push(id))
  await join()
  for (let step = 0; step < steps; step++) {
    for (const each of writers) if (chance(0.3)) void each.write(1 + random.below(3))
    if (chance(0.05) && consumers.filter(({ gone }) => !gone).length < 6) await join()
    if (chance(0.02)) await leave('drain')
    if (chance(0.02)) await leave('close')
    if (chance(0.02)) await leave('kill')
    if (chance(0.03)) stall()
    await clock.advance(random.below(40))
    const { published, trimmed } = broker.books()
    const kept = published - trimmed
    if (kept > limits.partitions * limits.maxPartitionMessages) violate(`I5: ${kept} messages are kept`)
  }

  healing = true
  for (const consumer of consumers) if (!consumer.gone) consumer.stalled = false
  await join()
  const settledAll = () => {
    const { published, acked, inFlight } = broker.books()
    const { length } = watched
    return writers.every(({ busy }) => !busy) && inFlight === 0 && length >= published && acked >= 2 * published
  }
  let waited = 0
  while (!settledAll() && waited++ < maxSteps) await clock.advance(50)
  for (const consumer of consumers) consumer.stalled = false
  await clock.advance(1_000)

  const books = broker.books()
  const stored = new Map<string, number[]>()
  const unique = new Set<string>()
  for (const { id, key, sequence } of sink) {
    if (unique.has(id)) continue
    unique.add(id)
    stored.set(key, [...(stored.get(key) ?? []), sequence])
  }
  if (waited >= maxSteps) violate(`I6: not drained: ${JSON.stringify(books)}`)
  const lost = [...confirmed].filter((id) => !unique.has(id))
  if (lost.length > 0) violate(`I1: ${lost.length} lost, such as ${lost[0]}`)
  for (const id of unique) if (!attempted.has(id)) violate(`I2: ${id} appeared and was never attempted`)
  const repeats = sink.length - unique.size
  const repeatable = books.fenced + counts.wroteThenFailed + (books.published - confirmed.size)
  if (repeats > repeatable) violate(`I3: ${repeats} repeats, ${repeatable} have a reason`)
  if (serial) {
    for (const [key, sequences] of stored) {
      if (sequences.some((sequence, index) => index > 0 && sequence < sequences[index - 1]!)) {
        violate(`I4: the sink has ${key} as ${sequences.join(' ')}`)
      }
    }
  }
  if (new Set(watched).size !== confirmed.size) violate(`broadcast: ${new Set(watched).size} of ${confirmed.size} seen`)
  const { delivered, acked, rejected, returned, inFlight } = books
  if (delivered !== acked + rejected + returned + inFlight) violate(`books: ${JSON.stringify(books)}`)
  if (delivered !== counts.calls + watched.length) violate(`books: ${counts.calls} calls, ${JSON.stringify(books)}`)
  const settled = counts.resolved + counts.rejectedByHandler
  const unfinished = counts.calls - settled
  if (settled + watched.length !== acked + rejected + books.fenced)
    violate(`books: ${settled} settled, ${JSON.stringify(books)}`)
  if (unfinished !== 0) violate(`books: ${unfinished} handlers never settled`)

  trace.update(JSON.stringify([books, counts, sink.length]))
  return { violations, trace: trace.digest('hex'), counts: { ...books, ...counts, confirmed: confirmed.size, repeats } }
}
