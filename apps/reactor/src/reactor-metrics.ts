import { defineMetrics } from '@armature/telemetry/metric'

/** Handlers and the webhook. */
export const reactorMetrics = defineMetrics({
  reactor_handled_total: {
    kind: 'counter',
    unit: '{message}',
    help: 'Messages that a handler has finished, by outcome: handled or filtered',
    labels: ['handler', 'outcome'],
  },
  webhook_down: {
    kind: 'gauge',
    unit: '{webhook}',
    help: 'Whether the webhook counts as down, so that messages wait for it: 1 or 0',
    labels: [],
  },
  webhook_requests: {
    kind: 'timer',
    unit: 'ms',
    help: 'Duration of webhook requests, by outcome: the status class, timeout, refused or unreachable',
    labels: ['outcome'],
  },
})
