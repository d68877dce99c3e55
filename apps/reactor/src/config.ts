import * as z from 'zod'
import { commonSettings, messagingSettings } from '@armature/config/common'
import { consulSettings, kvSettings, registrationSettings } from '@armature/config/consul'
import { checkedText, decimal, durationMs, host, integer, list, port, text, url } from '@armature/config/settings'
import { consumerSettings } from '@armature/consumer/consumer-settings'
import { checkPattern } from '@armature/messaging/topic-pattern'
import { checkNetwork } from '@armature/webhook/private-address'
import { createSign } from '@armature/webhook/signature'
import { checkCommandPath } from './command-action.ts'
import { parseScaleRule } from './scale-rule.ts'

export const settings = z.object({
  ...commonSettings,
  ...messagingSettings,
  ...consulSettings,
  ...kvSettings,
  ...registrationSettings,
  ...consumerSettings('reactor'),
  handlersFile: text().optional().meta({
    description: 'TypeScript or JavaScript file whose handlers run in place of the built-in ones',
    flag: 'handlers',
  }),
  commandAllow: list(checkedText(checkCommandPath))
    .default([])
    .meta({ description: 'Absolute paths of programs that handlers may run (none = no program)' }),
  scaleAllow: list(checkedText(parseScaleRule)).default([]).meta({
    description: 'What handlers may scale, and its bounds, such as deployment/worker:1-10 (none = nothing)',
  }),
  kubernetesServiceHost: host()
    .optional()
    .meta({ description: 'Host of the API server, which Kubernetes sets in each pod' }),
  kubernetesServicePort: port()
    .default(443)
    .meta({ description: 'Port of the API server, which Kubernetes sets in each pod' }),
  keepHandled: integer({ min: 1, max: 10_000 }).default(100).meta({ description: 'Alerts kept for the status page' }),
  webhookUrl: url(['http', 'https'])
    .optional()
    .meta({ description: 'URL to which messages are posted as CloudEvents (none = not posted)', secret: true }),
  webhookToken: text().optional().meta({ description: 'Bearer token for the webhook', secret: true }),
  webhookSigningSecret: checkedText(createSign).optional().meta({
    description: 'Signs webhook requests as Standard Webhooks ask for: Base64 of 24 to 64 bytes',
    secret: true,
  }),
  webhookAllowNetworks: list(checkedText(checkNetwork))
    .default([])
    .meta({ description: 'Private networks to which webhook requests may go, such as 10.0.0.0/8' }),
  webhookTopic: checkedText(checkPattern)
    .default('alerts.>')
    .meta({ description: 'Topic whose messages are posted; may hold wildcards' }),
  webhookTimeoutMs: durationMs({ min: 1, max: 600_000 })
    .default(10_000)
    .meta({ description: 'Timeout of one webhook request, in milliseconds' }),
  webhookMaxPerSecond: decimal({ min: 0.01, max: 100_000 })
    .optional()
    .meta({ description: 'Most messages posted a second (none = no limit)' }),
  webhookAttempts: integer({ min: 1, max: 20 }).default(5).meta({ description: 'Most requests for one message' }),
})

export type Config = Readonly<z.infer<typeof settings>>
