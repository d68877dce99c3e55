import type { z } from 'zod'
import { durationMs, host, list, text, toggle } from './settings.ts'

/** The address of a Consul agent as its own tools take it: HOST:PORT, http://HOST:PORT, https://HOST:PORT. */
const agentAddress = () =>
  text()
    .max(512)
    .refine((value) => urlOf(value) !== null, { error: 'is not HOST:PORT or an http: or https: URL' })
    .refine((value) => (urlOf(value)?.username ?? '') === '', {
      error: 'holds credentials, which Consul has no use for: give a token by CONSUL_HTTP_TOKEN_FILE',
    })
    .meta({ accepts: 'HOST:PORT or an http: or https: URL' })

const urlOf = (value: string): URL | null => {
  const url = URL.parse(value.includes('://') ? value : `http://${value}`)
  return url !== null && /^https?:$/.test(url.protocol) ? url : null
}

const filePath = () => text().max(4_096)
const tag = () => text().max(255)

/**
 * How a Consul agent is reached, by the variables of Consul's own tools. These are read before KV is, so KV cannot hold
 * them. Files are read again when they change.
 */
export const consulSettings = {
  consulHttpAddr: agentAddress()
    .optional()
    .meta({ description: 'Consul agent, HOST:PORT or a URL (none = Consul is not used)', beforeKv: true }),
  consulHttpToken: text()
    .optional()
    .meta({ description: 'ACL token for Consul', secret: true, fileVariable: false, beforeKv: true }),
  consulHttpTokenFile: filePath()
    .optional()
    .meta({ description: 'File with the ACL token; overrides CONSUL_HTTP_TOKEN', beforeKv: true }),
  consulCacert: filePath()
    .optional()
    .meta({ description: 'File with the CA certificates of the agent', beforeKv: true }),
  consulCapath: filePath()
    .optional()
    .meta({ description: 'Folder with the CA certificates of the agent', beforeKv: true }),
  consulClientCert: filePath()
    .optional()
    .meta({ description: 'File with the client certificate for the agent', beforeKv: true }),
  consulClientKey: filePath()
    .optional()
    .meta({ description: 'File with the key of the client certificate', beforeKv: true }),
  consulTlsServerName: host()
    .optional()
    .meta({ description: "Name in the agent's certificate, if it is not the address", beforeKv: true }),
  consulNamespace: text().max(64).optional().meta({ description: 'Namespace (Consul Enterprise)', beforeKv: true }),
  consulPartition: text().max(64).optional().meta({ description: 'Partition (Consul Enterprise)', beforeKv: true }),
}

/** The settings of a service that reads its settings from Consul KV. */
export const kvSettings = {
  configKv: toggle().default(true).meta({
    description: 'Read settings from Consul KV, if an agent is named: config/<service>/ over config/application/',
    beforeKv: true,
  }),
  configKvStartMs: durationMs({ max: 600_000 }).default(3_000).meta({
    description: 'How long the start waits for KV before it uses the last good settings, in milliseconds',
    beforeKv: true,
  }),
  configKvQuietMs: durationMs({ max: 60_000 }).default(100).meta({
    description:
      'How long KV must be quiet before a change is applied, in milliseconds; at the latest after 4 times as long',
    beforeKv: true,
  }),
  configKvSplayMs: durationMs({ max: 3_600_000 }).default(5_000).meta({
    description:
      'A restart for a change waits a random time up to this, in milliseconds, so that not all restart at once',
    beforeKv: true,
  }),
}

/** The settings of a service that registers in Consul. */
export const registrationSettings = {
  consulRegister: toggle().default(true).meta({ description: 'Register in Consul, if an agent is named' }),
  consulTags: list(tag()).default([]).meta({ description: 'Tags of the registered instance' }),
  consulCheckIntervalMs: durationMs({ min: 100, max: 3_600_000 })
    .default(10_000)
    .meta({ description: "Interval of Consul's checks of the instance, in milliseconds" }),
  consulDeregisterAfterMs: durationMs({ min: 60_000, max: 604_800_000 }).default(600_000).meta({
    description: 'How long an instance must be critical before Consul forgets it, in milliseconds (at least a minute)',
  }),
  advertiseHost: host().optional().meta({
    description: "Address under which others reach this service (none = the one it listens on, else the agent's)",
  }),
}

export type ConsulConfig = Readonly<z.infer<z.ZodObject<typeof consulSettings>>>
export type KvConfig = Readonly<z.infer<z.ZodObject<typeof kvSettings>>>
export type RegistrationConfig = Readonly<z.infer<z.ZodObject<typeof registrationSettings>>>
