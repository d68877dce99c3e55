import { setTimeout as sleep } from 'node:timers/promises'
import { reconnectDelayMs } from '@armature/async/backoff'
import { formatHostPort } from '@armature/async/host-port'
import { codes, type KafkaApis, type TopicMetadata } from './apis.ts'
import { connectionPool, type Address, type ConnectionPool } from './connection-pool.ts'
import { makeSocket, type KafkaConnection, type MakeSocket } from './connection.ts'
import { checkCode, complaint, connectError, connectFaultOf, isPassing } from './faults.ts'
import type { KafkaSettings } from './settings.ts'

/** The brokers of one cluster, connected to as they are needed, and again when a connection was lost. */
export interface KafkaCluster {
  readonly settings: KafkaSettings
  /** Rejects with ConnectError: at once for credentials and TLS, for an absent broker after connectWaitMs. */
  open(): Promise<void>
  /** The broker of this id, as the last metadata say. */
  node(id: number): Promise<KafkaConnection>
  /** Any broker. */
  any(): Promise<KafkaConnection>
  /** The broker that keeps the group, as it is known; with `anew` it is asked for. */
  coordinator(group: string, anew?: boolean): Promise<KafkaConnection>
  /** The state of these topics, or of all. A missing topic has an error code. */
  metadata(topics?: readonly string[]): Promise<readonly TopicMetadata[]>
  /** Resolves when a broker answers. */
  probe(): Promise<unknown>
  /**
   * Calls until it resolves, with growing waits. Rejects with what will not pass, with the last error after `waitMs`, and when the
   * cluster is closed.
   */
  retry<Result>(what: string, attempt: () => Promise<Result>, waitMs?: number): Promise<Result>
  /** Resolves after so long; rejects when the cluster is closed. */
  pause(delayMs: number): Promise<void>
  readonly closed: boolean
  /** At once: what is under way rejects. */
  close(): void
}

export interface ClusterParts {
  readonly settings: KafkaSettings
  readonly warn: (problem: string) => void
  readonly sockets?: MakeSocket | undefined
}

/** The state of a cluster, as far as it is known. */
interface Cluster {
  readonly settings: KafkaSettings
  readonly warn: ClusterParts['warn']
  /** Aborted when the cluster is closed. */
  readonly signal: AbortSignal
  readonly pool: ConnectionPool
  /** The addresses of the brokers, by id. */
  readonly addresses: Map<number, Address>
  /** The addresses of the brokers that keep groups, by group. */
  readonly coordinators: Map<string, Address>
  /** Which host of the URL is tried next. */
  nextHost: number
}

/** Only asked for to learn of the brokers: an empty list means all topics. */
const noTopic = 'armature.no-such-topic'

/** A cluster that nothing is connected to yet: `open` does that. */
export const kafkaCluster = ({ settings, warn, sockets = makeSocket }: ClusterParts): KafkaCluster => {
  const controller = new AbortController()
  const { signal } = controller
  const cluster: Cluster = {
    ...{ settings, warn, signal },
    pool: connectionPool({ settings, sockets, signal }),
    addresses: new Map(),
    coordinators: new Map(),
    nextHost: Math.floor(Math.random() * settings.hosts.length),
  }
  return {
    settings,
    open: () => open(cluster),
    node: (id) => node(cluster, id),
    any: () => any(cluster),
    coordinator: (group, anew = false) => coordinator(cluster, group, anew),
    metadata: (topics = []) => metadata(cluster, topics),
    probe: () => metadata(cluster, [noTopic]),
    retry: (what, attempt, waitMs = Number.POSITIVE_INFINITY) => retry(cluster, what, attempt, waitMs),
    pause: (delayMs) => pause(cluster, delayMs),
    get closed() {
      return signal.aborted
    },
    close: () => controller.abort(new Error('the connection is closed')),
  }
}

const open = async (cluster: Cluster): Promise<void> => {
  const { hosts, tls, connectWaitMs } = cluster.settings
  const shown = hosts.map(({ host, port }) => formatHostPort(host, port)).join(', ')
  const untilMs = performance.now() + connectWaitMs
  for (let failures = 1; ; failures++) {
    try {
      await metadata(cluster, [noTopic])
      return
    } catch (error) {
      const fault = connectFaultOf(error, tls !== undefined)
      const left = untilMs - performance.now()
      if (fault !== 'unavailable' || left <= 0) throw connectError(fault, shown, error)
      await pause(cluster, Math.min(reconnectDelayMs(failures), left))
    }
  }
}

const any = async (cluster: Cluster): Promise<KafkaConnection> => {
  const { pool } = cluster
  const { alive } = pool
  if (alive !== undefined) return alive
  let last: unknown
  for (const address of candidates(cluster)) {
    try {
      return await pool.to(address)
    } catch (error) {
      last = error
    }
  }
  throw last
}

/** The brokers that are known, then each host of the URL. */
function* candidates(cluster: Cluster): Generator<Address> {
  const { hosts } = cluster.settings
  yield* cluster.addresses.values()
  for (let tried = 0; tried < hosts.length; tried++) yield hosts[cluster.nextHost++ % hosts.length] as Address
}

const node = async ({ addresses, pool }: Cluster, id: number): Promise<KafkaConnection> => {
  const address = addresses.get(id)
  if (address === undefined) throw new Error(`the broker ${id} is not known or has no leader now`)
  return pool.to(address)
}

const coordinator = async (cluster: Cluster, group: string, anew: boolean): Promise<KafkaConnection> => {
  const { addresses, coordinators, pool } = cluster
  const known = anew ? undefined : coordinators.get(group)
  if (known !== undefined) return pool.to(known)
  const answer = await asked(any(cluster), 'GroupCoordinator', { groupId: group })
  checkCode(answer.errorCode, `the coordinator of the group ${group}`)
  const { nodeId, host, port } = answer.coordinator
  addresses.set(nodeId, { host, port })
  coordinators.set(group, { host, port })
  return pool.to({ host, port })
}

/** Also learns which brokers there are. */
const metadata = async (cluster: Cluster, topics: readonly string[]): Promise<readonly TopicMetadata[]> => {
  const { addresses } = cluster
  const answer = await asked(any(cluster), 'Metadata', { topics, allowAutoTopicCreation: false })
  const { brokers, topicMetadata } = answer
  for (const { nodeId, host, port } of brokers) addresses.set(nodeId, { host, port })
  for (const id of [...addresses.keys()]) if (!brokers.some(({ nodeId }) => nodeId === id)) addresses.delete(id)
  return topicMetadata
}

const pause = async ({ signal }: Cluster, delayMs: number): Promise<void> => {
  await sleep(delayMs, undefined, { signal }).catch(() => signal.throwIfAborted())
}

const retry = async <Result>(
  cluster: Cluster,
  what: string,
  attempt: () => Promise<Result>,
  waitMs: number,
): Promise<Result> => {
  const { signal, warn } = cluster
  const untilMs = performance.now() + waitMs
  const trouble = complaint(warn, what)
  for (;;) {
    signal.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      signal.throwIfAborted()
      const left = untilMs - performance.now()
      if (!isPassing(error) || left <= 0) throw error
      await pause(cluster, Math.min(reconnectDelayMs(trouble.failed(error)), left))
    }
  }
}

/** Asks a broker; the error codes stay in the answer. */
export const asked = async <Name extends keyof KafkaApis>(
  connection: Promise<KafkaConnection>,
  name: Name,
  ask: KafkaApis[Name]['ask'],
): Promise<KafkaApis[Name]['answer']> => (await connection).call(name, ask)

/** Whether the metadata of a topic say that it is not there. */
export const isMissing = ({ topicErrorCode }: TopicMetadata): boolean =>
  topicErrorCode === codes.unknownTopicOrPartition
