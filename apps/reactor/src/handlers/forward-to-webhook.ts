import { circuitBreaker } from '@armature/messaging/circuit-breaker'
import { compose } from '@armature/messaging/compose'
import { dedupe } from '@armature/messaging/dedupe'
import { throttle } from '@armature/messaging/throttle'
import { longestDeliveryMs } from '@armature/webhook/webhook'
import { forwarded } from '../events.ts'
import type { HandlerTools } from '../handler-tools.ts'
import { on, type Registration } from '@armature/messaging/on'
import { reactorMetrics } from '../reactor-metrics.ts'
import { webhookAction } from '../webhook-action.ts'

/** Messages in a row that could not be posted, until the webhook counts as down. */
const failuresUntilDown = 5
/** Between two tries while it is down. */
const probeDelayMs = 5_000

/**
 * Posts each message to the webhook, where one is set. The webhook retries by itself. One that is down costs no message: they wait until it is
 * back. A message that the broker delivers again is not posted again.
 */
export const forwardToWebhook = ({
  config,
  clock,
  metrics,
}: Omit<HandlerTools, 'handled'>): Registration | undefined => {
  const { webhookUrl: url, webhookTimeoutMs: timeoutMs, webhookAttempts: attempts } = config
  if (url === undefined) return undefined
  const post = webhookAction({
    url,
    token: config.webhookToken,
    signingSecret: config.webhookSigningSecret,
    allowNetworks: config.webhookAllowNetworks,
    timeoutMs,
    attempts,
    clock,
    random: Math.random,
    onRequest: (outcome, durationMs) => metrics.time(reactorMetrics.webhook_requests, durationMs, { outcome }),
  })
  const deliveryMs = longestDeliveryMs({ timeoutMs, attempts })
  const { webhookMaxPerSecond: perSecond } = config
  const middleware = compose(
    dedupe({ metrics, component: 'reactor', clock }),
    ...(perSecond === undefined ? [] : [throttle({ perSecond, burst: Math.max(1, Math.floor(perSecond)), clock })]),
    circuitBreaker({
      failures: failuresUntilDown,
      // The window is long enough for as many failures one after the other.
      windowMs: failuresUntilDown * deliveryMs,
      probeDelayMs,
      clock,
      onChange: (state) => metrics.gauge(reactorMetrics.webhook_down, state === 'closed' ? 0 : 1),
    }),
  )
  const options = {
    name: forwarded.name,
    middleware,
    retry: { maxAttempts: 1 },
    timeoutMs: deliveryMs,
    serial: 'key' as const,
  }
  return on(config.webhookTopic, options, post)
}
