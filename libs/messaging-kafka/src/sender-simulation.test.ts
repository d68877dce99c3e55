import { elementAt } from '@armature/async/element-at'
import { seededRandom, type Random } from '@armature/async/random'
import { expect, test } from 'vitest'
import { codes, type KafkaApis } from './apis.ts'
import type { KafkaCluster } from './cluster.ts'
import { sendLane, type Call, type Lane } from './send-queue.ts'
import { kafkaSender } from './sender.ts'
import type { KafkaTopics } from './topics.ts'

type Ask = KafkaApis['Produce']['ask']

const notLeader = 6
const notEnoughReplicas = 19
const notEnoughReplicasAfterAppend = 20
const partitions = 3
const leaders = 2
const records = 120
/** Kafka's `ProducerStateEntry.NumBatchesToRetain`. */
const keptBatches = 5
const sequences = 2 ** 31

interface Faults {
  /** Of a thousand requests so many break off, and so many answers tell of a fault that passes. */
  readonly cuts: number
  readonly passing: number
  /** More records together are too large. */
  readonly mostRecords: number
  /** Before so many of a thousand batches the broker forgets the sequences of a partition. */
  readonly forgets: number
  /** Before so many of a thousand batches the partition gets another leader. */
  readonly moves: number
}

/** One partition, as Kafka's `ProducerStateManager` and `ProducerAppendInfo` keep it. */
const simulatedPartition = () => {
  const log: string[] = []
  const producers = new Map<string, { first: number; last: number }[]>()
  return {
    log,
    forget: () => producers.clear(),
    append: (producerId: string, first: number, values: readonly string[]): number => {
      const last = (first + values.length - 1) % sequences
      const kept = producers.get(producerId) ?? []
      if (kept.some((each) => each.first === first && each.last === last)) return codes.none
      const before = kept.at(-1)
      // Any sequence is taken where nothing is known of the producer.
      if (before !== undefined && (before.last + 1) % sequences !== first) return codes.outOfOrderSequence
      producers.set(producerId, [...kept, { first, last }].slice(-keptBatches))
      log.push(...values)
      return codes.none
    },
  }
}

const valueOf = (record: object): string => ('value' in record ? String(record.value) : '')
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Connections to brokers that answer late, break off, and may do what they were asked after that. */
const simulatedCluster = (random: Random, faults: Faults) => {
  const places = Array.from({ length: partitions }, simulatedPartition)
  const leaderOf = places.map((_, partition) => partition % leaders)
  let identities = 0
  let underWay = 0
  let mostUnderWay = 0
  const often = (perThousand: number) => random.below(1_000) < perThousand

  const codeOf = (leader: number, producerId: string, one: Ask['topicData'][number]['partitions'][number]): number => {
    const { partition, firstSequence, messages } = one
    const place = elementAt(places, partition)
    const values = messages.map(valueOf)
    if (often(faults.moves)) leaderOf[partition] = random.below(leaders)
    if (leaderOf[partition] !== leader) return notLeader
    if (often(faults.passing)) return notEnoughReplicas
    if (values.length > faults.mostRecords) return codes.messageTooLarge
    if (often(faults.forgets)) place.forget()
    const code = place.append(producerId, firstSequence, values)
    return code === codes.none && often(faults.passing) ? notEnoughReplicasAfterAppend : code
  }

  const connect = (leader: number) => {
    let isDead = false
    let before = Promise.resolve()
    const cuts = Promise.withResolvers<never>()
    cuts.promise.catch(() => undefined)
    const handle = async ({ producerId, topicData }: Ask) => {
      for (let turns = random.below(4); turns > 0; turns--) await turn()
      // What a dead connection has sent is done late, or never.
      if (isDead && often(500)) throw new Error('never done')
      const answered = topicData.map((topic) => ({
        topicName: topic.topic,
        partitions: topic.partitions.map((one) => ({
          partition: one.partition,
          errorCode: codeOf(leader, producerId, one),
        })),
      }))
      if (often(faults.cuts)) {
        isDead = true
        cuts.reject(new Error('the connection broke off'))
      }
      return { topics: answered }
    }
    return {
      get isDead() {
        return isDead
      },
      call: async (name: string, ask: Ask) => {
        if (name === 'InitProducerId') {
          await turn()
          if (often(faults.cuts)) throw new Error('no identity')
          return { errorCode: 0, producerId: String(++identities), producerEpoch: 0 }
        }
        if (isDead) throw new Error('the connection is dead')
        underWay += 1
        mostUnderWay = Math.max(mostUnderWay, underWay)
        const answer = before.then(() => handle(ask))
        before = answer.then(
          () => undefined,
          () => undefined,
        )
        return Promise.race([answer, cuts.promise]).finally(() => (underWay -= 1))
      },
    }
  }

  const connections = Array.from({ length: leaders }, (_, leader) => connect(leader))
  const node = async (leader: number) => {
    if (elementAt(connections, leader).isDead) connections[leader] = connect(leader)
    return elementAt(connections, leader)
  }
  return {
    places,
    get mostUnderWay() {
      return mostUnderWay
    },
    get identities() {
      return identities
    },
    cluster: {
      settings: { compression: 'none' },
      any: () => node(0),
      node,
      pause: async () => {
        for (let turns = random.below(6); turns > 0; turns--) await turn()
      },
      closed: false,
    } as unknown as KafkaCluster,
    /** What is known of the leaders is as old as the last refresh. */
    topics: (() => {
      let known = [...leaderOf]
      return {
        known: (name: string) => ({ name, leaders: known }),
        refresh: async () => void (known = [...leaderOf]),
      } as unknown as KafkaTopics
    })(),
  }
}

/** Publishes to all partitions through these faults. Answers what the brokers hold, and what was published and confirmed. */
const simulate = async (seed: number, faults: Faults) => {
  const random = seededRandom(seed)
  const simulated = simulatedCluster(random, faults)
  const published = Array.from({ length: partitions }, (): string[] => [])
  const confirmed: string[] = []
  const unheld: string[] = []
  const sender = kafkaSender({
    cluster: simulated.cluster,
    topics: simulated.topics,
    warn: () => undefined,
    held: (some) => {
      for (const each of some) {
        const name = valueOf(each)
        confirmed.push(name)
        if (!simulated.places.some(({ log }) => log.includes(name))) unheld.push(name)
      }
    },
    homeless: () => undefined,
    refused: () => undefined,
  })
  const limits = { maxBytes: 40, maxRecords: 10, fullBytes: 10, dropped: () => undefined }
  const lanes: Lane[] = Array.from({ length: partitions }, (_, partition) => sendLane('t', partition, limits))
  const call: Call = {
    ...{ topic: 't', left: records, untilMs: Infinity, done: false },
    ...{ resolve: () => undefined, reject: () => undefined },
  }
  for (let number = 0; number < records; number++) {
    const partition = random.below(partitions)
    const lane = elementAt(lanes, partition)
    const name = `${partition}-${number}`
    published[partition]?.push(name)
    const record = { key: null, value: Buffer.from(name), headers: Buffer.of(0), timestamp: 0, bytes: 1 }
    lane.push({ ...record, bytes: 1 + random.below(10), call })
    sender.ready(lane)
    if (random.below(8) === 0) await turn()
  }
  for (let turns = 0; confirmed.length < records && turns < 20_000; turns++) await turn()
  return { simulated, published, confirmed, unheld }
}

const seeds = Array.from({ length: 300 }, (_, seed) => seed)

/** Other rates for each seed, so that calm and rough runs are both among them. */
const faultsOf = (seed: number) => ({
  cuts: 20 * (seed % 5),
  passing: 15 * (seed % 4),
  mostRecords: 2 + 4 * (seed % 3),
  moves: 5,
})

test('through lost answers, cut connections and moved leaders each record lies there once, in order, and is confirmed after that', async () => {
  let mostUnderWay = 0
  for (const seed of seeds) {
    const { simulated, published, confirmed, unheld } = await simulate(seed, { ...faultsOf(seed), forgets: 0 })
    expect({ seed, logs: simulated.places.map(({ log }) => log) }).toEqual({ seed, logs: published })
    expect({ seed, unheld }).toEqual({ seed, unheld: [] })
    expect(confirmed.toSorted(), `seed ${seed}`).toEqual(published.flat().toSorted())
    mostUnderWay = Math.max(mostUnderWay, simulated.mostUnderWay)
  }
  expect(mostUnderWay).toBeGreaterThan(leaders * 3)
}, 60_000)

test('brokers that forget the sequences lose nothing', async () => {
  for (const seed of seeds) {
    const { simulated, published, confirmed, unheld } = await simulate(seed, { ...faultsOf(seed), forgets: 20 })
    const logs = simulated.places.map(({ log }) => [...new Set(log)].toSorted())
    expect({ seed, logs }).toEqual({ seed, logs: published.map((names) => names.toSorted()) })
    expect({ seed, unheld }).toEqual({ seed, unheld: [] })
    expect(confirmed.toSorted(), `seed ${seed}`).toEqual(published.flat().toSorted())
  }
}, 60_000)

test('without faults one identity does, and five batches of a partition are under way', async () => {
  const { simulated, published } = await simulate(1, { cuts: 0, passing: 0, mostRecords: 10, forgets: 0, moves: 0 })
  expect(simulated.places.map(({ log }) => log)).toEqual(published)
  expect(simulated.identities).toBe(1)
})
