import { message, type Message } from '@armature/messaging/message'
import type { Delivery, Handler } from '@armature/messaging/ports'
import type { MemoryConnection } from '../src/connection.ts'
import { sha, topic, type Consumer, type SimulatedRun } from './simulated-run.ts'

const group = 'sink'

export interface Writer {
  readonly busy: boolean
  /** Publishes so many times, unless it is busy. */
  write(publishes: number): Promise<void>
}

/** Writes one key: each message again until it is confirmed, the next one only then. Writers share a connection out of step. */
export const simulatedWriter = (run: SimulatedRun, key: string, shared: MemoryConnection): Writer => {
  const { broker, random, attempted, confirmed, counts, chance, wait } = run
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
    write: async (publishes) => {
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

/** A new member of the group, which writes to the sink. */
export const joinConsumer = async (run: SimulatedRun): Promise<void> => {
  const { broker, random, chance, serial, sabotage, consumers } = run
  const connection = broker.connect()
  const maxInFlight = 1 + random.below(20)
  const subscription = await connection.subscribe(
    topic,
    checked(run, () => consumer),
    {
      group,
      maxInFlight,
      redeliveryDelayMs: random.below(60),
      from: 'earliest',
      ...(chance(0.5) ? { maxInFlightBytes: 10 + random.below(100) } : {}),
      ...(serial && sabotage !== 'no-serial' ? { serial: 'key' } : {}),
    },
  )
  const consumer: Consumer = { connection, subscription, maxInFlight, isStalled: false, isGone: false }
  consumers.push(consumer)
}

/** Checks each delivery as it comes, then works on it. */
const checked = (run: SimulatedRun, consumer: () => Consumer): Handler => {
  const { counts, trace, attempted, firstDeliveries, violate, sabotage } = run
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
    if (it.isGone) violate(`closed: ${id} was delivered to a subscription that is closed`)
    const { inFlight } = it.subscription
    if (inFlight > it.maxInFlight) violate(`I5: ${inFlight} unsettled, ${it.maxInFlight} allowed`)
    const done = work(run, it, delivery)
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

/** Writes to the sink after a while, unless it fails, before the write or after it. */
const work = async (run: SimulatedRun, consumer: Consumer, { id, key = '', headers }: Delivery): Promise<void> => {
  const { random, chance, wait, sabotage, sink, trace, counts } = run
  await wait(random.below(30))
  while (consumer.isStalled) await wait(20)
  if (!run.isHealing && chance(0.1)) throw new Error('sink refused')
  if (sabotage === 'forget-one' && id === 'key-0/3') return
  sink.push({ id, key, sequence: Number(headers.sequence) })
  trace.update(`sink ${id}\n`)
  if (!run.isHealing && chance(0.05)) {
    counts.wroteThenFailed++
    throw new Error('the answer of the sink was lost')
  }
}

/** Ends one of the consumers. */
export const leaveConsumer = async (run: SimulatedRun, how: 'drain' | 'close' | 'kill'): Promise<void> => {
  const { random, chance, counts, trace, consumers } = run
  const live = consumers.filter(({ isGone }) => !isGone)
  const consumer = live[random.below(live.length)]
  if (consumer === undefined) return
  trace.update(`${how}\n`)
  if (how === 'drain') {
    await consumer.subscription.stop()
    void consumer.subscription.idle().then(() => {
      consumer.isGone = true
      return consumer.connection.close()
    })
    return
  }
  consumer.isGone = true
  if (how === 'close') return consumer.connection.close()
  counts.kills++
  consumer.connection.kill()
  // A killed process does nothing more; a zombie goes on for a while.
  consumer.isStalled = chance(0.5)
}

/** Stops the process of one of the consumers for a while. */
export const stallConsumer = ({ random, clock, counts, limits, consumers }: SimulatedRun): void => {
  const consumer = consumers[random.below(Math.max(1, consumers.length))]
  if (consumer === undefined || consumer.isStalled) return
  counts.stalls++
  consumer.isStalled = true
  clock.after(random.below(2 * limits.rebalanceTimeoutMs), () => (consumer.isStalled = false))
}
