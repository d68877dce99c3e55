import type { z } from 'zod'
import { brokerUrl, choice, durationMs, host, list, port, text, url } from './settings.ts'

/** From most to least; `silent` writes nothing. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** The settings of every service: `z.object({ ...commonSettings, ... })`. */
export const commonSettings = {
  logLevel: choice(logLevels)
    .default('info')
    .meta({ description: 'Lowest level of log lines that are written', env: 'LOG_LEVEL', hot: true }),
  httpHost: host().default('127.0.0.1').meta({ description: 'Address of the admin HTTP server' }),
  httpPort: port().default(0).meta({ description: 'Port of the admin HTTP server (0 = any free one)' }),
  httpAllowedHosts: list(host())
    .default([])
    .meta({ description: 'Host names that the admin HTTP server answers to, beside IP addresses and localhost' }),
  drainDeadlineMs: durationMs({ max: 3_600_000 })
    .default(10_000)
    .meta({ description: 'Deadline of the whole drain at the end, in milliseconds' }),
  statsdHost: host().default('127.0.0.1').meta({ description: 'Host of the StatsD server', env: 'STATSD_HOST' }),
  statsdPort: port()
    .default(8125)
    .meta({ description: 'UDP port of the StatsD server (0 = send nothing)', env: 'STATSD_PORT' }),
  statsdPrefix: text()
    .max(100)
    .regex(/^[\w.-]+$/, { error: 'holds other characters than letters, digits and _ . -' })
    .optional()
    .meta({ description: 'Prefix of every StatsD name, with a dot between', env: 'STATSD_PREFIX' }),
  ddAgentHost: host()
    .optional()
    .meta({ description: 'Host of a Datadog agent: metrics go there, with tags', env: 'DD_AGENT_HOST' }),
  ddDogstatsdPort: port()
    .default(8125)
    .meta({ description: 'UDP port of the Datadog agent', env: 'DD_DOGSTATSD_PORT' }),
  ddDogstatsdUrl: url(['udp'])
    .optional()
    .meta({ description: 'Datadog agent as udp://HOST:PORT; overrides DD_AGENT_HOST', env: 'DD_DOGSTATSD_URL' }),
  otlpEndpoint: url(['http', 'https']).optional().meta({
    description: 'OTLP/HTTP endpoint for traces and metrics (none = no export)',
    env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
  }),
}

/** For services that speak to a broker. A URL may hold a password: it is a secret. */
export const messagingSettings = {
  messagingUrl: brokerUrl()
    .default('memory:')
    .meta({ description: 'Broker (memory: reaches this process only)', env: 'MESSAGING_URL', secret: true }),
}

/** For services with a database. A URL may hold a password: it is a secret. */
export const databaseSettings = {
  databaseUrl: url().default('embedded:').meta({
    description: 'Database, postgres://... (embedded: = in this process, gone at its end)',
    env: 'DATABASE_URL',
    secret: true,
  }),
}

export type CommonConfig = Readonly<z.infer<z.ZodObject<typeof commonSettings>>>
export type MessagingConfig = Readonly<z.infer<z.ZodObject<typeof messagingSettings>>>
export type DatabaseConfig = Readonly<z.infer<z.ZodObject<typeof databaseSettings>>>
