import { reconnectDelayMs } from '@armature/async/backoff'
import type { PublishError } from '@armature/messaging/errors'
import type { ClusterParts, KafkaCluster } from './cluster.ts'
import { complaint, type Complaint } from './faults.ts'
import { producerIdentity, type ProducerIdentity } from './producer-identity.ts'
import { sendOutcome, type SendOutcome } from './send-outcome.ts'
import type { Batch, Lane, QueuedRecord } from './send-queue.ts'
import { sendBatches } from './send-request.ts'
import type { KafkaTopics } from './topics.ts'

export interface SenderParts {
  readonly cluster: KafkaCluster
  readonly topics: KafkaTopics
  readonly warn: ClusterParts['warn']
  /** The broker holds them. */
  readonly held: (records: readonly QueuedRecord[]) => void
  /** Their partition is not there any more, since the topic was made again with fewer: they need another one. */
  readonly homeless: (topic: string, records: readonly QueuedRecord[]) => void
  /** They will never be held. */
  readonly refused: (records: readonly QueuedRecord[], error: PublishError) => void
}

export interface KafkaSender {
  /** The lane has something to send. */
  ready(lane: Lane): void
  /** Why the last request failed; undefined once one succeeded. */
  readonly lastFault: unknown
}

const maxRequestBytes = 8 * 1024 * 1024
/** As many as one partition may have batches under way. */
const maxRequestsPerBroker = 5
/** Two requests keep the broker busy while the next one is encoded. More are only for full batches: smaller ones had better grow. */
const maxSmallRequestsPerBroker = 2

/** The state of a sender. */
interface Sender extends SenderParts {
  /** Lanes that have something to send. */
  readonly waiting: Set<Lane>
  /** How many requests each broker has. */
  readonly requests: Map<number, number>
  readonly identity: ProducerIdentity
  readonly trouble: Complaint
  lastFault: unknown
  isScheduled: boolean
}

/** Sends the batches of lanes to the leaders of their partitions, again and again until the broker holds or refuses them. */
export const kafkaSender = (parts: SenderParts): KafkaSender => {
  const sender: Sender = {
    ...parts,
    waiting: new Set(),
    requests: new Map(),
    identity: producerIdentity(parts.cluster),
    trouble: complaint(parts.warn, 'publishing'),
    lastFault: undefined,
    isScheduled: false,
  }
  return {
    ready: (lane) => ready(sender, lane),
    get lastFault() {
      return sender.lastFault
    },
  }
}

const ready = (sender: Sender, lane: Lane): void => {
  sender.waiting.add(lane)
  schedule(sender)
}

const schedule = (sender: Sender): void => {
  if (sender.isScheduled) return
  sender.isScheduled = true
  // Messages that are published in the same turn go together.
  setImmediate(() => {
    sender.isScheduled = false
    for (const [leader, batches] of takeBatches(sender)) void send(sender, leader, batches)
  })
}

/** The next batch of each lane that waits, by the broker that it goes to. Lanes of a busy broker, and those beyond a request's size, wait on. */
const takeBatches = (sender: Sender): ReadonlyMap<number, readonly Batch[]> => {
  const { waiting, requests, topics } = sender
  const batchesOf = new Map<number, readonly Batch[]>()
  const lanesOf = Map.groupBy(waiting, ({ topic, partition }) => topics.known(topic)?.leaders[partition] ?? -1)
  for (const [leader, lanes] of lanesOf) {
    const most = lanes.some(({ isFull }) => isFull) ? maxRequestsPerBroker : maxSmallRequestsPerBroker
    if ((requests.get(leader) ?? 0) >= most) continue
    const batches = takeFrom(sender, lanes)
    if (batches.length > 0) batchesOf.set(leader, batches)
  }
  return batchesOf
}

const takeFrom = (sender: Sender, lanes: readonly Lane[]): readonly Batch[] => {
  const { waiting, identity } = sender
  const batches: Batch[] = []
  let bytes = 0
  for (const lane of lanes) {
    if (bytes >= maxRequestBytes) {
      schedule(sender)
      break
    }
    waiting.delete(lane)
    const batch = lane.take(identity.current)
    if (batch === undefined) continue
    if (batch.records.every(({ call }) => call.done)) {
      giveUp(sender, batch)
      continue
    }
    // A request has one batch of a partition: the next one goes in another.
    if (lane.isFull) ready(sender, lane)
    batches.push(batch)
    bytes += batch.bytes
  }
  return batches
}

/** Nobody waits for its records any more. */
const giveUp = (sender: Sender, batch: Batch): void => {
  drop(sender, batch)
  sender.held(batch.records)
}

/** It is not sent any more: what has a sequence behind it would be refused. */
const drop = (sender: Sender, batch: Batch): void => {
  if (batch.session !== undefined) sender.identity.end()
  if (batch.lane.drop(batch)) ready(sender, batch.lane)
}

const send = async (sender: Sender, leader: number, batches: readonly Batch[]): Promise<void> => {
  const { requests, waiting, trouble } = sender
  requests.set(leader, (requests.get(leader) ?? 0) + 1)
  const again: Batch[] = []
  let fault: unknown
  try {
    for (const [batch, code] of await sendBatches(sender, leader, batches)) {
      const outcome = sendOutcome(batch, code)
      if (outcome.name !== 'held') fault = outcome.fault
      if (settle(sender, batch, outcome) === 'send again') again.push(batch)
    }
  } catch (error) {
    fault = error
    again.push(...batches)
  }
  requests.set(leader, (requests.get(leader) ?? 1) - 1)
  if (waiting.size > 0) schedule(sender)
  if (again.length > 0) await sendAgain(sender, again, fault)
  else if (fault === undefined) {
    trouble.fine()
    sender.lastFault = undefined
  }
}

/** Does what an answer asks for. A batch that is to be sent again stays under way. */
const settle = (sender: Sender, batch: Batch, outcome: SendOutcome): 'over' | 'send again' => {
  const { identity } = sender
  const { lane, records } = batch
  switch (outcome.name) {
    case 'held':
      if (lane.held(batch)) ready(sender, lane)
      sender.held(records)
      return 'over'
    case 'out-of-sequence':
      // One behind another keeps its sequence: the gap may be that of the other, which is sent again before it.
      if (!lane.isOldest(batch)) return 'send again'
      identity.endOf(batch.session)
      batch.session = undefined
      return 'send again'
    case 'passing':
      return 'send again'
    case 'divisible':
      lane.split(batch)
      identity.end()
      ready(sender, lane)
      return 'over'
    case 'refused':
      drop(sender, batch)
      sender.refused(records, outcome.error)
      return 'over'
  }
}

/** The oldest batch of a lane has a pause before it is sent again; those behind it wait for it in their places. */
const sendAgain = async (sender: Sender, batches: readonly Batch[], fault: unknown): Promise<void> => {
  sender.lastFault = fault
  const oldest = batches.filter((batch) => batch.lane.isOldest(batch))
  for (const batch of batches) {
    if (!oldest.includes(batch)) giveBack(sender, batch)
  }
  if (oldest.length > 0) await sendLater(sender, oldest, fault)
}

/** They stay under way while the broker has its pause: nothing may pass them, and no publish shortens it. */
const sendLater = async (sender: Sender, batches: readonly Batch[], fault: unknown): Promise<void> => {
  const { cluster, topics, trouble } = sender
  const names = new Set(batches.map(({ lane }) => lane.topic))
  try {
    await cluster.pause(reconnectDelayMs(trouble.failed(fault)))
    await topics.refresh(names)
    for (const name of names) if (topics.known(name) === undefined) await topics.ensure(name, 0)
  } catch (error) {
    // It is tried again with what is known.
    sender.lastFault = error
  }
  if (cluster.closed) return
  for (const batch of batches) giveBack(sender, batch)
}

const giveBack = (sender: Sender, batch: Batch): void => {
  const { lane } = batch
  lane.giveBack(batch)
  if (isThere(sender.topics, lane)) ready(sender, lane)
  else if (lane.isIdle) sender.homeless(lane.topic, lane.empty())
}

const isThere = (topics: KafkaTopics, { topic, partition }: Lane): boolean =>
  partition < (topics.known(topic)?.leaders.length ?? Infinity)
