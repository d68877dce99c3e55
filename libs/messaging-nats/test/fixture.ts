import { headers as natsHeaders } from '@nats-io/nats-core'
import type { OpenOptions } from '@armature/messaging-kit/open-options'
import type { Driver } from '@armature/messaging/ports'
import { connect, type NatsConnection } from '@nats-io/transport-node'
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
