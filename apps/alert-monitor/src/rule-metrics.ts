import { defineMetrics } from '@armature/telemetry/metric'

/** The rules and the file that they come from. */
export const ruleMetrics = defineMetrics({
  rules_last_reload_good: {
    kind: 'gauge',
    unit: '1',
    help: 'Whether the rules file was good when it last changed: 1, or 0 while older rules go on',
    labels: [],
  },
  rules_loaded: { kind: 'gauge', unit: '{rule}', help: 'Rules at work', labels: [] },
  rules_reloads_total: {
    kind: 'counter',
    unit: '{reload}',
    help: 'Changes of the rules file, by outcome: applied, or refused because of its faults',
    labels: ['outcome'],
  },
})
