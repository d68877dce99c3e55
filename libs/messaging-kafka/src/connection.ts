import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
// @ts-expect-error kafkajs has no types for its inner modules
import Broker from 'kafkajs/src/broker/index.js'
// @ts-expect-error the same
import ConnectionPool from 'kafkajs/src/network/connectionPool.js'
// @ts-expect-error the same
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js'
// @ts-expect-error the same
import { requests } from 'kafkajs/src/protocol/requests/index.js'
// @ts-expect-error the same
import apiKeys from 'kafkajs/src/protocol/requests/apiKeys.js'
import type { KafkaApis } from './apis.ts'
import { fetchApi, fetchById, metadataApi, metadataById } from './by-id.ts'
import { decodeFetch } from './fetched.ts'
import type { KafkaSettings } from './settings.ts'

/**
 * The layer of kafkajs that is used: its codec of the protocol, its log-in and its connections. Its producer, consumer and pool of brokers
 * are not: they lose messages when a batch is tried again beside another (one sequence for two batches), when a partition's leader moves
 * meanwhile, stop for good on some faults, and have no hook before a partition moves. kafkajs is pinned: these modules do not move.
 */
interface InnerBroker {
  connect(): Promise<void>
  readonly versions: Readonly<Record<number, { readonly maxVersion: number } | undefined>>
  lookupRequest(apiKey: number, definition: unknown): (ask: unknown) => Protocol
}

interface Protocol {
  readonly request: { readonly apiVersion: number }
  readonly response: { decode(raw: Buffer): Promise<unknown> }
  readonly requestTimeout?: number
}

interface InnerPool {
  send(protocol: Protocol & { response: { parse(answer: unknown): Promise<unknown> } }): Promise<unknown>
}

interface InnerQueue {
  throttleCheckTimeoutId: NodeJS.Timeout | null
  throttledUntil: number
  readonly pending: readonly unknown[]
  checkPendingRequests(): void
}

const makePool = ConnectionPool as unknown as new (options: object) => InnerPool
const makeBroker = Broker as unknown as new (options: object) => InnerBroker
const queueMethods = (RequestQueue as unknown as { prototype: object }).prototype
const keyOf = apiKeys as unknown as Readonly<Record<string, number>>
const definitionOf = requests as unknown as Readonly<Record<string, unknown>>

const leastCheckMs = 10

/** kafkajs looks every millisecond for requests that wait, also where none do, by a negative time-out (its issues 1704 and 1751). */
Object.assign(queueMethods, {
  scheduleCheckPendingRequests(this: InnerQueue) {
    if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null
        this.checkPendingRequests()
      },
      Math.max(this.throttledUntil - Date.now(), leastCheckMs),
    )
  },
})

const silent = () => undefined
/** Failures come as errors; its log repeats them. */
const quiet = { info: silent, error: silent, warn: silent, debug: silent, setLogLevel: silent, namespace: () => quiet }

/** Makes the sockets; another one is for tests that cut them. */
export type MakeSocket = (
  host: string,
  port: number,
  tls: ConnectionOptions | undefined,
  onConnect: () => void,
) => Socket

const keepAliveMs = 10_000

/** A socket over TCP or TLS that keeps itself alive. */
export const makeSocket: MakeSocket = (host, port, tls, onConnect) => {
  const socket =
    tls === undefined
      ? connectTcp({ host, port }, onConnect)
      : connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...tls }, onConnect)
  return socket.setKeepAlive(true, keepAliveMs).setNoDelay(true)
}

export interface KafkaConnection {
  /** Sends a request and answers what the broker did. Rejects where there is no answer, after which the connection is dead. */
  call<Name extends keyof KafkaApis>(name: Name, ask: KafkaApis[Name]['ask']): Promise<KafkaApis[Name]['answer']>
  readonly dead: boolean
  /** At once: requests under way reject. */
  cut(): void
}

const requestTimeoutMs = 15_000
const connectTimeoutMs = 10_000
/** Of the answers that are decoded here. */
const fetchVersion = 11
const tlsAlert = Buffer.from([0x15, 0x03])

/**
 * Connects and logs in. One connection carries fetches, which the broker may keep waiting, another one all else. Rejects with an Error
 * of kafkajs; `spokeTls` of it says that a plain connection met TLS.
 */
export const connectKafka = async (
  { host, port }: { readonly host: string; readonly port: number },
  { tls, sasl, clientId }: Pick<KafkaSettings, 'tls' | 'sasl' | 'clientId'>,
  make: MakeSocket,
): Promise<KafkaConnection> => {
  const sockets = new Set<Socket>()
  let dead = false
  let spokeTls = false
  const cut = () => {
    dead = true
    // With an error, the only event of a closed socket that kafkajs listens to in each state.
    for (const socket of sockets) socket.destroy(new Error('the connection was cut'))
  }
  const socketFactory = ({ onConnect }: { onConnect: () => void }) => {
    const socket = make(host, port, tls, onConnect)
    sockets.add(socket)
    socket.once('close', () => {
      dead = true
      sockets.delete(socket)
    })
    if (tls === undefined) socket.once('data', (data: Buffer) => (spokeTls = data.subarray(0, 2).equals(tlsAlert)))
    if (dead) socket.destroy(new Error('the connection was cut'))
    return socket
  }
  const pool = new makePool({
    host,
    port,
    ssl: tls,
    // kafkajs keeps a state of its own in it.
    sasl: sasl === undefined ? undefined : { ...sasl },
    clientId,
    socketFactory,
    connectionTimeout: connectTimeoutMs,
    requestTimeout: requestTimeoutMs,
    enforceRequestTimeout: true,
    maxInFlightRequests: null,
    instrumentationEmitter: null,
    logger: quiet,
  })
  const broker = new makeBroker({ connectionPool: pool, logger: quiet, allowAutoTopicCreation: false })
  try {
    await broker.connect()
  } catch (error) {
    cut()
    throw Object.assign(error as Error, { spokeTls })
  }
  return {
    call: async (name, ask) => {
      const { decode, ...protocol } = protocolOf(broker, name, ask)
      const response = { decode, parse: (answer: unknown) => Promise.resolve(answer) }
      try {
        return (await pool.send({ ...protocol, response })) as KafkaApis[typeof name]['answer']
      } catch (error) {
        // Anything else is an answer that could not be decoded.
        if (/^KafkaJS(Connection|RequestTimeout|SASL)/.test((error as Error).name)) cut()
        throw error
      }
    },
    get dead() {
      return dead
    },
    cut,
  }
}

/** How a request is encoded and its answer decoded: in the newest version that the broker knows as well. */
const protocolOf = <Name extends keyof KafkaApis>(broker: InnerBroker, name: Name, ask: KafkaApis[Name]['ask']) => {
  const knows = ({ key, version }: { readonly key: number; readonly version: number }) =>
    (broker.versions[key]?.maxVersion ?? 0) >= version
  if (name === 'Metadata' && knows(metadataApi)) return metadataById(ask as KafkaApis['Metadata']['ask'])
  if (name === 'Fetch') {
    const fetch = ask as KafkaApis['Fetch']['ask']
    if (knows(fetchApi) && fetch.topics.every(({ topicId }) => topicId !== undefined)) return fetchById(fetch)
  }
  const protocol = broker.lookupRequest(keyOf[name] ?? -1, definitionOf[name])(ask)
  if (name !== 'Fetch') return { ...protocol, decode: protocol.response.decode }
  if (protocol.request.apiVersion !== fetchVersion) {
    throw new Error('the broker is too old: Kafka 2.4 or newer is needed')
  }
  return { ...protocol, decode: decodeFetch }
}
