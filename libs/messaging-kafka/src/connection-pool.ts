import { formatHostPort } from '@armature/async/host-port'
import { connectKafka, type KafkaConnection, type MakeSocket } from './connection.ts'
import type { KafkaSettings } from './settings.ts'

/** The address of a broker. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** The connections of one cluster: one to an address. */
export interface ConnectionPool {
  /** A connection to this address that lives: made where there is none, and anew where it was lost. */
  to(address: Address): Promise<KafkaConnection>
  /** Any that lives already. */
  readonly alive: KafkaConnection | undefined
}

export interface PoolParts {
  readonly settings: KafkaSettings
  readonly sockets: MakeSocket
  /** Cuts all at once when it is aborted, also those that are being made; `to` then rejects with its reason. */
  readonly signal: AbortSignal
}

/** No connection yet. */
export const connectionPool = ({ settings, sockets, signal }: PoolParts): ConnectionPool => {
  const connections = new Map<string, Promise<KafkaConnection>>()
  const live = new Set<KafkaConnection>()
  signal.addEventListener('abort', () => {
    for (const connection of live) connection.cut()
  })

  const connect = (address: Address): Promise<KafkaConnection> => {
    const name = nameOf(address)
    const known = connections.get(name)
    if (known !== undefined) return known
    const connecting = connectKafka(address, settings, sockets).then((connection) => {
      live.add(connection)
      if (signal.aborted) connection.cut()
      return connection
    })
    connections.set(name, connecting)
    connecting.catch(() => connections.delete(name))
    return connecting
  }

  const forget = async (address: Address, dead: KafkaConnection) => {
    live.delete(dead)
    const name = nameOf(address)
    if ((await connections.get(name)?.catch(() => undefined)) === dead) connections.delete(name)
  }

  return {
    to: async (address) => {
      signal.throwIfAborted()
      const found = await connect(address)
      if (!found.dead) return found
      await forget(address, found)
      signal.throwIfAborted()
      return connect(address)
    },
    get alive() {
      for (const connection of live) if (!connection.dead) return connection
      return undefined
    },
  }
}

const nameOf = ({ host, port }: Address): string => formatHostPort(host, port)
