import { consulSettings } from '@armature/config/consul'
import { host, text, toggle } from '@armature/config/settings'
import { type ConsulClient, createConsulClient } from '@armature/discovery/consul-client'
import { type ClientTarget, createClientTarget } from '@armature/discovery/client-target'
import { DiscoveryError } from '@armature/discovery/ports'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { openTls, type RotatingTls } from '@armature/service/grpc-tls'
import { silentLogger } from '@armature/telemetry/logger'
import { createMetrics } from '@armature/telemetry/metrics'
import type { z } from 'zod'
import { createSearchClient, type SearchClient } from '@armature/search-api/client'

const pem = (description: string, env: string) => text().optional().meta({ description, env })

/** The settings for the place of a running server and the connection to it. */
export const serverSettings = {
  ...consulSettings,
  address: text().optional().meta({
    description:
      'The server: HOST:PORT, static:///HOST:PORT,HOST:PORT, consul:///search-service, srv:///NAME, unix:PATH',
    env: 'SEARCH_ADDRESS',
  }),
  tls: toggle()
    .default(false)
    .meta({ description: 'Use TLS; any other --tls flag turns it on too', env: 'SEARCH_TLS' }),
  tlsCa: pem("PEM file of the server's authorities (none = those that Node knows)", 'SEARCH_TLS_CA'),
  tlsCert: pem('PEM file of a certificate, if the server asks for one', 'SEARCH_TLS_CERT'),
  tlsKey: pem('PEM file of the key of the certificate', 'SEARCH_TLS_KEY'),
  tlsServerName: host().optional().meta({
    description: "Name in the server's certificate, if it is not in the address",
    env: 'SEARCH_TLS_SERVER_NAME',
  }),
}

type ServerConfig = Readonly<z.infer<z.ZodObject<typeof serverSettings>>>

/** The client, and what goes with it. */
export interface SearchServer extends Pick<SearchClient, 'search' | 'monitor'> {
  /** The address as it was named. */
  readonly address: string
  close(): void
}

/** A client of the server that the settings name. It connects when it is first used. Rejects with ServiceError. */
export const openSearchServer = async (config: ServerConfig, deadlineMs: number): Promise<SearchServer> => {
  const { address, tlsServerName } = config
  if (address === undefined) {
    throw new ServiceError('no server is named', {
      exitCode: exitCodes.usage,
      fix: 'Name it by --address HOST:PORT (env SEARCH_ADDRESS)',
    })
  }
  const tls = await openClientTls(config)
  const { consulHttpAddr } = config
  const consul = consulHttpAddr === undefined ? undefined : createConsulClient({ ...config, consulHttpAddr })
  const { target, options } = found(address, consul)
  const name =
    tlsServerName === undefined
      ? {}
      : { 'grpc.ssl_target_name_override': tlsServerName, 'grpc.default_authority': tlsServerName }
  const client = createSearchClient(target, {
    deadlineMs,
    channel: { ...options, ...name },
    ...(tls === undefined ? {} : { credentials: tls.channelCredentials() }),
  })
  return {
    address,
    search: client.search,
    monitor: client.monitor,
    close: () => {
      client.close()
      tls?.close()
      consul?.close()
    },
  }
}

/** The certificates that the settings name; undefined without TLS. Rejects with ServiceError. */
export const openClientTls = async (config: ServerConfig): Promise<RotatingTls | undefined> => {
  const { tls, tlsCa: caFile, tlsCert: certFile, tlsKey: keyFile, tlsServerName } = config
  const asked = tls || [caFile, certFile, keyFile, tlsServerName].some((given) => given !== undefined)
  if (!asked) return undefined
  return openTls({ caFile, certFile, keyFile }, { log: silentLogger(), metrics: createMetrics({ service: 'search' }) })
}

const found = (address: string, consul: ConsulClient | undefined): ClientTarget => {
  try {
    return createClientTarget(address, { consul })
  } catch (error) {
    if (!(error instanceof DiscoveryError)) throw error
    throw new ServiceError(error.message, { exitCode: exitCodes.usage })
  }
}
