import { joinConsumer, leaveConsumer, simulatedWriter, stallConsumer, type Writer } from './simulated-clients.ts'
import { simulatedRun, topic, type Sabotage, type SimulatedRun } from './simulated-run.ts'
import { checkBooks, checkSink } from './simulation-checks.ts'

export interface SimulationResult {
  /** The violations found, as `invariant: detail`. Empty = the seed passes. */
  readonly violations: readonly string[]
  /** A hash over all that happened, in order: the same for the same seed. */
  readonly trace: string
  readonly counts: Readonly<Record<string, number>>
}

const steps = 150
const maxDrainSteps = 5_000

/**
 * Random publishes, rejects, kills, stalls and rebalances against the in-memory broker on a driven clock. Then all heals, is
 * drained, and the ledger of writers is compared with the sink.
 */
export const simulate = async (seed: number, sabotage?: Sabotage): Promise<SimulationResult> => {
  const run = simulatedRun(seed, sabotage)
  const { broker, trace, counts, confirmed, violations } = run
  const shared = broker.connect()
  const writers = run.keys.map((key) => simulatedWriter(run, key, shared))
  await broker.connect().subscribe(topic, async ({ id }) => void run.watched.push(id))
  await joinConsumer(run)
  for (let step = 0; step < steps; step++) await disturb(run, writers)
  await heal(run, writers)
  const repeats = checkSink(run)
  checkBooks(run)

  const books = broker.books()
  trace.update(JSON.stringify([books, counts, run.sink.length]))
  return { violations, trace: trace.digest('hex'), counts: { ...books, ...counts, confirmed: confirmed.size, repeats } }
}

const disturb = async (run: SimulatedRun, writers: readonly Writer[]) => {
  const { random, chance, clock, broker, limits, consumers, violate } = run
  for (const each of writers) if (chance(0.3)) void each.write(1 + random.below(3))
  if (chance(0.05) && consumers.filter(({ isGone }) => !isGone).length < 6) await joinConsumer(run)
  if (chance(0.02)) await leaveConsumer(run, 'drain')
  if (chance(0.02)) await leaveConsumer(run, 'close')
  if (chance(0.02)) await leaveConsumer(run, 'kill')
  if (chance(0.03)) stallConsumer(run)
  await clock.advance(random.below(40))
  const { published, trimmed } = broker.books()
  const kept = published - trimmed
  if (kept > limits.partitions * limits.maxPartitionMessages) violate(`I5: ${kept} messages are kept`)
}

/** Ends all faults and waits until everything is settled. */
const heal = async (run: SimulatedRun, writers: readonly Writer[]) => {
  const { broker, clock, consumers, watched, violate } = run
  run.isHealing = true
  for (const consumer of consumers) if (!consumer.isGone) consumer.isStalled = false
  await joinConsumer(run)
  const isSettled = () => {
    const { published, acked, inFlight } = broker.books()
    const { length } = watched
    return writers.every(({ busy }) => !busy) && inFlight === 0 && length >= published && acked >= 2 * published
  }
  for (let step = 0; !isSettled(); step++) {
    if (step === maxDrainSteps) {
      violate(`I6: not drained: ${JSON.stringify(broker.books())}`)
      break
    }
    await clock.advance(50)
  }
  for (const consumer of consumers) consumer.isStalled = false
  await clock.advance(1_000)
}
