import { defineMetrics } from '@armature/telemetry/metric'

/** Answers of a registry, and registrations in it. */
export const discoveryMetrics = defineMetrics({
  discovery_held_answers_total: {
    kind: 'counter',
    unit: '{answer}',
    help: 'Answers of a registry that were ignored in favour of the last good one, by reason: empty or failed',
    labels: ['service', 'reason'],
  },
  discovery_registrations_total: {
    kind: 'counter',
    unit: '{registration}',
    help: 'Registrations of this instance, by outcome: registered, registered_again, deregistered or failed',
    labels: ['outcome'],
  },
})
