import { setTimeout as sleep } from 'node:timers/promises'
import { formatHostPort } from '@armature/async/host-port'
import { codes, type KafkaApis, type TopicMetadata } from './apis.ts'
import { connectKafka, makeSocket, type KafkaConnection, type MakeSocket } from './connection.ts'
import { checkCode, complaint, connectError, connectFaultOf, isPassing } from './faults.ts'
import type { KafkaSettings } from './settings.ts'
import { reconnectDelayMs } from '@armature/async/backoff'

type Address = { readonly host: string; readonly port: number }

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
  /** Of these topics, or of all. A topic that is not there has an error code. */
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

/** Only asked for to learn of the brokers: an empty list means all topics. */
const noTopic = 'armature.no-such-topic'

/** A cluster that nothing is connected to yet: `open` does that. */
export const kafkaCluster = ({ settings, warn, sockets = makeSocket }: ClusterParts): KafkaCluster => {
  const { hosts, tls, connectWaitMs } = settings
  const controller = new AbortController()
  const { signal } = controller
  const open = new Map<string, Promise<KafkaConnection>>()
  const live = new Set<KafkaConnection>()
  const addresses = new Map<number, Address>()
  const coordinators = new Map<string, Address>()
  let nextSeed = Math.floor(Math.random() * hosts.length)

  const connect = (address: Address): Promise<KafkaConnection> => {
    const name = `${address.host}:${address.port}`
    const known = open.get(name)
    if (known !== undefined) return known
    const connecting = connectKafka(address, settings, sockets).then((connection) => {
      live.add(connection)
      if (signal.aborted) connection.cut()
      return connection
    })
    open.set(name, connecting)
    connecting.catch(() => open.delete(name))
    return connecting
  }

  /** A connection that lives; one that was lost is made anew. */
  const alive = async (address: Address): Promise<KafkaConnection> => {
    signal.throwIfAborted()
    const found = await connect(address)
    if (!found.dead) return found
    live.delete(found)
    const name = `${address.host}:${address.port}`
    if ((await open.get(name)?.catch(() => undefined)) === found) open.delete(name)
    signal.throwIfAborted()
    return connect(address)
  }

  const any = async (): Promise<KafkaConnection> => {
    for (const connection of live) if (!connection.dead) return connection
    let last: unknown
    for (const address of addresses.values()) {
      try {
        return await alive(address)
      } catch (error) {
        last = error
      }
    }
    for (let tried = 0; tried < hosts.length; tried++) {
      try {
        return await alive(hosts[nextSeed++ % hosts.length] as Address)
      } catch (error) {
        last = error
      }
    }
    throw last
  }

  const metadata = async (topics: readonly string[] = []): Promise<readonly TopicMetadata[]> => {
    const connection = await any()
    const { brokers, topicMetadata } = await connection.call('Metadata', { topics, allowAutoTopicCreation: false })
    for (const { nodeId, host, port } of brokers) addresses.set(nodeId, { host, port })
    for (const id of [...addresses.keys()]) if (!brokers.some(({ nodeId }) => nodeId === id)) addresses.delete(id)
    return topicMetadata
  }

  const node = async (id: number): Promise<KafkaConnection> => {
    const address = addresses.get(id)
    if (address === undefined) throw new Error(`the broker ${id} is not known or has no leader now`)
    return alive(address)
  }

  const pause = async (delayMs: number) => {
    await sleep(delayMs, undefined, { signal }).catch(() => signal.throwIfAborted())
  }

  const retry = async <Result>(
    what: string,
    attempt: () => Promise<Result>,
    waitMs = Number.POSITIVE_INFINITY,
  ): Promise<Result> => {
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
        await pause(Math.min(reconnectDelayMs(trouble.failed(error)), left))
      }
    }
  }

  return {
    settings,
    open: async () => {
      const shown = hosts.map(({ host, port }) => formatHostPort(host, port)).join(', ')
      const untilMs = performance.now() + connectWaitMs
      for (let failures = 1; ; failures++) {
        try {
          await metadata([noTopic])
          return
        } catch (error) {
          const fault = connectFaultOf(error, tls !== undefined)
          const left = untilMs - performance.now()
          if (fault !== 'unavailable' || left <= 0) throw connectError(fault, shown, error)
          await pause(Math.min(reconnectDelayMs(failures), left))
        }
      }
    },
    node,
    any,
    coordinator: async (group, anew = false) => {
      const known = anew ? undefined : coordinators.get(group)
      if (known !== undefined) return alive(known)
      const answer = await (await any()).call('GroupCoordinator', { groupId: group })
      checkCode(answer.errorCode, `the coordinator of the group ${group}`)
      const { nodeId, host, port } = answer.coordinator
      addresses.set(nodeId, { host, port })
      coordinators.set(group, { host, port })
      return alive({ host, port })
    },
    metadata,
    probe: () => metadata([noTopic]),
    retry,
    pause,
    get closed() {
      return signal.aborted
    },
    close: () => {
      controller.abort(new Error('the connection is closed'))
      for (const connection of live) connection.cut()
    },
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
