import { defineMetrics } from '@armature/telemetry/metric'

/** Deliveries, dead letters and the broker. */
export const messagingMetrics = defineMetrics({
  dead_letter_errors_total: {
    kind: 'counter',
    unit: '{message}',
    help: 'Dead letters that could not be published; their messages come again',
    labels: ['topic'],
  },
  dead_letters_total: {
    kind: 'counter',
    unit: '{message}',
    help: 'Messages put into a dead-letter topic, by the topic they came from and reason',
    labels: ['topic', 'reason'],
  },
  'messaging.client.consumed.messages': {
    kind: 'counter',
    unit: '{message}',
    help: 'Messages delivered to a handler',
    labels: ['messaging.system', 'messaging.destination.name', 'messaging.consumer.group.name'],
  },
  'messaging.process.duration': {
    kind: 'timer',
    unit: 'ms',
    help: 'Time from the delivery of a message until it was settled',
    labels: ['messaging.system', 'messaging.destination.name', 'messaging.consumer.group.name', 'error.type'],
  },
  messaging_broker_up: {
    kind: 'gauge',
    unit: '1',
    help: 'Whether the broker answers: 1 if it does, else 0',
    labels: [],
  },
  messaging_unreadable_partitions: {
    kind: 'gauge',
    unit: '{partition}',
    help: 'Partitions that are subscribed to and cannot be read',
    labels: [],
  },
})
