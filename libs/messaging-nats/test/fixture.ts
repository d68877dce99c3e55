import { headers as natsHeaders } from '@nats-io/nats-core'
import { serverDeadlineMs, serverUrl } from '@armature/servers/fixture'
import type { OpenOptions } from '@armature/messaging-kit/open-options'
import type { Driver } from '@armature/messaging/ports'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { openNats } from '../src/driver.ts'
import { openJetstream } from '../src/jetstream-driver.ts'

/** The driver that the URL's scheme names. */
export const openDriver = (url: string, options?: OpenOptions): Promise<Driver> =>
  url.startsWith('jetstream:') ? openJetstream(url, options) : openNats(url, options)

/** The official client, as somebody else's program uses it. */
export const rawClient = (url: string): Promise<NatsConnection> => connect({ servers: new URL(url).host })

/** Sends a message as such a program does, and waits until the server has it. */
export const rawPublish = async (
  raw: NatsConnection,
  topic: string,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
): Promise<void> => {
  const made = natsHeaders()
  for (const [name, value] of Object.entries(headers)) made.append(name, value)
  raw.publish(topic, body, { headers: made })
  await raw.flush()
}

/** The URL of a driver on the server of this one. */
export const driverUrl = (scheme: 'nats' | 'jetstream', serverUrl: string, options = ''): string =>
  `${scheme}://${new URL(serverUrl).host}${options === '' ? '' : `?${options}`}`

/** Returns a function that keeps a driver which a test opened: it is closed after the test. */
export const keptDrivers = (): (<Opened extends Driver>(driver: Opened) => Opened) => {
  const open: Driver[] = []
  afterEach(async () => {
    await Promise.all(open.splice(0).map((driver) => driver.close()))
  })
  return (driver) => {
    open.push(driver)
    return driver
  }
}

interface SharedNats {
  readonly url: string
  readonly raw: NatsConnection
}

/** The server that the whole run shares, and a client of it as another program has one. Both are there once `beforeAll` has run. */
export const sharedNats = (): SharedNats => {
  let url = ''
  let raw: NatsConnection | undefined
  beforeAll(async () => {
    url = await serverUrl('nats')
    raw = await rawClient(url)
  }, serverDeadlineMs)
  afterAll(() => raw?.close())
  return {
    get url() {
      return url
    },
    get raw() {
      if (raw === undefined) throw new Error('ask for it in a test: there is no client before beforeAll')
      return raw
    },
  }
}
