import * as z from 'zod'
import type { Chart } from './chart.ts'
import { chartValues } from './chart-values.ts'

interface ObjectSchema {
  properties: Record<string, Record<string, unknown>>
}

/** values.schema.json: draft 7, which every Helm reads. A key that is not known is refused. */
export const valuesJsonSchema = (chart: Chart): Record<string, unknown> => {
  const schema = z.toJSONSchema(chartValues(chart), {
    target: 'draft-7',
    io: 'input',
    override: ({ jsonSchema }) => {
      // values.yaml has the defaults.
      delete jsonSchema.default
      delete jsonSchema.propertyNames
    },
  })
  const { properties } = schema as unknown as ObjectSchema
  const config = properties['config'] as unknown as ObjectSchema
  config.properties = { ...chart.settings.schemas }
  if (properties['autoscaling'] !== undefined) Object.assign(properties['autoscaling'], eitherAutoscaler)
  return schema
}

const isEnabled = (enabled: boolean) => ({ properties: { enabled: { const: enabled } }, required: ['enabled'] })

/** Written so that the message of Helm names the key and the value that it must have. */
const eitherAutoscaler = {
  if: { properties: { hpa: isEnabled(true) }, required: ['hpa'] },
  then: { properties: { keda: { properties: { enabled: { const: false } } } } },
}
