import { formatHostPort } from '@armature/async/host-port'
import { messagingSettings } from '@armature/config/common'
import { host, port, text } from '@armature/config/settings'
import type * as z from 'zod'

const defaultPort = 4222
const none = messagingSettings.messagingUrl.parse(undefined)

/** The settings that name the broker of `send` and `listen`, the first of them that is given. */
export const brokerSettings = {
  ...messagingSettings,
  natsUrl: text()
    .optional()
    .meta({ description: 'NATS server, as its own tools name it', env: 'NATS_URL', secret: true }),
  brokerHost: host().optional().meta({ description: 'Host of a NATS server', env: 'BROKER_HOST' }),
  brokerPort: port().optional().meta({ description: 'Its port (none = 4222)', env: 'BROKER_PORT' }),
  templateBrokerHost: host()
    .optional()
    .meta({ description: 'The host as some templates of manifests spell it', env: '__BROKER_HOST__' }),
  templateBrokerPort: port().optional().meta({ description: 'The port as they spell it', env: '__BROKER_PORT__' }),
}

/** Those of them that are given. */
export type BrokerConfig = Partial<z.output<z.ZodObject<typeof brokerSettings>>>

/**
 * The URL of the broker: `messagingUrl`, else that of `natsUrl` (a bare host name is one, too), else of `brokerHost` and `brokerPort`; `memory:`
 * where none is given.
 */
export const brokerUrlOf = (config: BrokerConfig): string => {
  const { messagingUrl = none, natsUrl } = config
  if (messagingUrl !== none) return messagingUrl
  if (natsUrl !== undefined) return /^[a-z][a-z0-9+.-]*:\/\//i.test(natsUrl) ? natsUrl : `nats://${natsUrl}`
  const brokerHost = config.brokerHost ?? config.templateBrokerHost
  if (brokerHost === undefined) return none
  return `nats://${formatHostPort(brokerHost, config.brokerPort ?? config.templateBrokerPort ?? defaultPort)}`
}
