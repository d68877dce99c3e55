import type { Message } from '@armature/messaging/message'
import type { Reaction } from '@armature/messaging/on'
import { reactorMetrics } from './reactor-metrics.ts'
import { createCommandAction, type CommandOptions } from './command-action.ts'
import { createGrpcAction, type GrpcOptions } from './grpc-action.ts'
import type { HandlerTools } from './handler-tools.ts'
import { createKubernetesApi } from './kubernetes-api.ts'
import { createScaleAction, type ScaleOptions } from './scale-action.ts'
import { webhookAction } from './webhook-action.ts'
import type { WebhookOptions } from '@armature/webhook/webhook'

/** A handler that is made from options: `on('alerts.>', { name: 'page' }, webhook({ url }))`. */
export type Action = (reaction: Pick<Reaction<unknown>, 'message' | 'signal' | 'log'>) => Promise<Message | void>

export type WebhookActionOptions = Pick<WebhookOptions, 'url'> &
  Partial<Pick<WebhookOptions, 'token' | 'signingSecret' | 'timeoutMs' | 'attempts'>>

/** Makes handlers that act. What their options leave out is as the settings say. */
export interface Actions {
  /**
   * Posts each message as an HTTP CloudEvent. A post makes `attempts` requests, and `retry` of the handler posts again: 5 of each are 25 requests. Give
   * the handler `retry: { maxAttempts: 1 }` where the requests of one post are enough.
   */
  readonly webhook: (options: WebhookActionOptions) => Action
  /** Runs an allowed program for each message. */
  readonly command: (options: CommandOptions) => Action
  /** Calls a unary method for each message. */
  readonly grpc: (options: GrpcOptions) => Action
  /** Sets the replicas of an allowed Deployment or StatefulSet for each message. */
  readonly scale: (options: ScaleOptions) => Action
  /** Publishes each message to another topic, as it is, under its id. */
  readonly publishTo: (topic: string) => Action
}

/** `onClose` registers what is closed after the last handler. */
export const createActions = ({
  config,
  clock,
  metrics,
  onClose,
}: Omit<HandlerTools, 'handled'> & { readonly onClose: (close: () => Promise<void>) => void }): Actions => ({
  webhook: (options) =>
    webhookAction({
      timeoutMs: config.webhookTimeoutMs,
      attempts: config.webhookAttempts,
      allowNetworks: config.webhookAllowNetworks,
      clock,
      random: Math.random,
      onRequest: (outcome, durationMs) => metrics.time(reactorMetrics.webhook_requests, durationMs, { outcome }),
      ...options,
    }),
  command: createCommandAction({ allowed: config.commandAllow, clock }),
  grpc: (options) => {
    const { call, close } = createGrpcAction(options)
    onClose(close)
    return call
  },
  scale: createScaleAction({
    allowed: config.scaleAllow,
    api: createKubernetesApi({ host: config.kubernetesServiceHost, port: config.kubernetesServicePort, clock }),
  }),
  publishTo:
    (topic) =>
    ({ message: { id, key, keyBytes, time, headers, body, tombstone } }) =>
      Promise.resolve({ id, topic, key, keyBytes, time, headers, body, tombstone }),
})
