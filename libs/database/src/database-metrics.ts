import { defineMetrics } from '@armature/telemetry/metric'

/** Statements of the database. */
export const databaseMetrics = defineMetrics({
  'db.client.operation.duration': {
    kind: 'timer',
    unit: 'ms',
    help: 'Duration of database statements, by their first word',
    labels: ['db.system.name', 'db.operation.name', 'error.type'],
  },
})
