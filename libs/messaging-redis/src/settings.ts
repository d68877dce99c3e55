import type { RedisClientOptions } from '@redis/client'
import {
  passwordOf,
  parseBrokerUrl,
  tlsOptions,
  type BrokerUrl,
  type UrlShape,
} from '@armature/messaging-kit/broker-url'
import { MessagingUrlError } from '@armature/messaging/errors'

/** The server that a Redis URL names, for either driver. */
export interface RedisAddress {
  readonly host: string
  readonly port: number
  /** The number of the database. */
  readonly database: number
  /** Holds the password. */
  readonly clientOptions: RedisClientOptions
}

/**
 * Reads the URL of a single Redis server and the files that it names. Throws MessagingUrlError, also for several hosts: Sentinel and
 * Cluster are not supported.
 */
export const redisUrl = async <Name extends string>(
  url: string,
  shape: UrlShape<Name>,
): Promise<{ readonly address: RedisAddress; readonly settings: BrokerUrl<Name> }> => {
  const settings = parseBrokerUrl(url, shape)
  const { scheme, hosts, user, path } = settings
  const [first, ...others] = hosts
  if (first === undefined || others.length > 0) {
    throw new MessagingUrlError(
      `the ${scheme}: URL names ${hosts.length} hosts: name one, Sentinel and Cluster are not supported`,
    )
  }
  if (!/^\d{0,5}$/.test(path)) {
    throw new MessagingUrlError(
      `the ${scheme}: URL has a path that is not the number of a database: write /0, or leave it out`,
    )
  }
  const [password, tls] = await Promise.all([passwordOf(settings), tlsOptions(settings)])
  const database = Number(path)
  const clientOptions: RedisClientOptions = {
    ...(user === undefined || user === '' ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
    database,
    RESP: 3,
    // redisConnection reconnects, so that no timer of a closed client keeps the process alive.
    socket: { ...first, ...(tls === undefined ? {} : { ...tls, tls: true as const }), reconnectStrategy: false },
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: 'disabled',
  }
  return { address: { ...first, database, clientOptions }, settings }
}

/** The value of a whole-number option, or its default. Throws MessagingUrlError for a value below `least`. */
export const wholeOption = <Name extends string>(
  { scheme, options }: BrokerUrl<Name>,
  name: Name,
  otherwise: number,
  least: number,
): number => {
  const given: string | undefined = options[name]
  const value = given === undefined ? otherwise : Number(given)
  if (value >= least) return value
  throw new MessagingUrlError(`${name} of the ${scheme}: URL is ${value}: give ${least} or more`)
}
