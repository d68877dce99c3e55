import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import type { KafkaApis } from './apis.ts'
import { fetchApi, fetchById, metadataApi, metadataById } from './by-id.ts'
import { createClient, type Client, type WireRequest } from './client-internals.ts'
import { decodeFetch } from './fetched.ts'
import { encodeProduce } from './produce.ts'
import type { KafkaSettings } from './settings.ts'

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
/** The version of Fetch whose answers are decoded here. */
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
  const makeOwn = (onConnect: () => void) => {
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
  const client = createClient({
    host,
    port,
    tls,
    sasl,
    clientId,
    makeSocket: makeOwn,
    connectTimeoutMs,
    requestTimeoutMs,
  })
  try {
    await client.connect()
  } catch (error) {
    cut()
    throw Object.assign(error as Error, { spokeTls })
  }
  const encodeInOrder = produceEncoder()
  return {
    call: async (name, ask) => {
      try {
        return (await client.send(requestOf(client, name, ask, encodeInOrder))) as KafkaApis[typeof name]['answer']
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
const requestOf = <Name extends keyof KafkaApis>(
  client: Client,
  name: Name,
  ask: KafkaApis[Name]['ask'],
  encode: typeof encodeProduce,
): WireRequest => {
  const knows = ({ key, version }: { readonly key: number; readonly version: number }) =>
    client.newestVersion(key) >= version
  if (name === 'Metadata' && knows(metadataApi)) return metadataById(ask as KafkaApis['Metadata']['ask'])
  if (name === 'Fetch') {
    const fetch = ask as KafkaApis['Fetch']['ask']
    if (knows(fetchApi) && fetch.topics.every(({ topicId }) => topicId !== undefined)) return fetchById(fetch)
  }
  const request = client.requestOf(name, ask)
  if (name === 'Fetch') {
    if (request.apiVersion !== fetchVersion) throw new Error('the broker is too old: Kafka 2.4 or newer is needed')
    return { ...request, decode: decodeFetch }
  }
  if (name === 'Produce') return { ...request, encode: () => encode(ask as KafkaApis['Produce']['ask']) }
  return request
}

/** Several at once are compressed side by side, and are done in the order in which they began: the broker refuses a batch before its time. */
const produceEncoder = (): typeof encodeProduce => {
  let before: Promise<unknown> = Promise.resolve()
  return (ask) => {
    const encoding = encodeProduce(ask)
    const inOrder = Promise.allSettled([before, encoding]).then(() => encoding)
    before = inOrder.catch(() => undefined)
    return inOrder
  }
}
