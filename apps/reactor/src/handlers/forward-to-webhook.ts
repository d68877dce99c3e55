import type { HandlerTools } from '../handler-tools.ts'
import { on, type Registration } from '../on.ts'
import { reactorMetrics } from '../reactor-metrics.ts'
import { createWebhook, longestDeliveryMs } from '../webhook.ts'

/** Posts each message to the webhook, where one is set. The webhook retries by itself. */
export const forwardToWebhook = ({
  config,
  clock,
  metrics,
}: Omit<HandlerTools, 'handled'>): Registration | undefined => {
  const { webhookUrl: url, webhookToken: token, webhookTimeoutMs: timeoutMs, webhookAttempts: attempts } = config
  if (url === undefined) return undefined
  const webhook = createWebhook({
    url,
    token,
    timeoutMs,
    attempts,
    clock,
    random: Math.random,
    onRequest: (outcome, durationMs) => metrics.time(reactorMetrics.webhook_requests, durationMs, { outcome }),
  })
  const options = {
    name: 'forward-to-webhook',
    retry: { maxAttempts: 1 },
    timeoutMs: longestDeliveryMs({ timeoutMs, attempts }),
    serial: 'key' as const,
  }
  return on(config.webhookTopic, options, ({ message, signal }) => webhook(message, signal))
}
