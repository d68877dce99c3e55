import * as z from 'zod'
import { isServedPort } from './app-settings.ts'
import type { Chart } from './chart.ts'
import { chartValues } from './chart-values.ts'
import { configDefaults } from './config-values.ts'
import { type ValueNode, valuesTree } from './values-tree.ts'

interface ObjectSchema {
  properties: Record<string, Record<string, unknown>>
  required?: readonly string[]
}

/** values.schema.json: draft 7, which every Helm reads. A key that is not known is refused. */
export const valuesJsonSchema = (chart: Chart): Record<string, unknown> => {
  const values = chartValues(chart)
  const schema = z.toJSONSchema(values, {
    target: 'draft-7',
    io: 'input',
    override: ({ jsonSchema }) => {
      // values.yaml has the defaults.
      delete jsonSchema.default
      delete jsonSchema.propertyNames
    },
  })
  requireGroups(schema as unknown as ObjectSchema, valuesTree(values))
  const { properties } = schema as unknown as ObjectSchema
  const config = properties['config'] as unknown as ObjectSchema
  config.properties = { ...chart.settings.schemas }
  config.required = Object.keys(configDefaults(chart)).filter((key) => isServedPort(key) || key === 'drainDeadlineMs')
  if (properties['autoscaling'] !== undefined) Object.assign(properties['autoscaling'], eitherAutoscaler)
  return schema
}

/** values.yaml has all groups, so one is missing only where somebody sets it to null. Templates would fail at it without its name. */
const requireGroups = (schema: ObjectSchema, nodes: readonly ValueNode[]): void => {
  const groups = nodes.filter(({ value, children }) => value !== undefined && children !== undefined)
  if (groups.length > 0) schema.required = groups.map(({ key }) => key)
  for (const { key, children = [] } of groups)
    requireGroups(schema.properties[key] as unknown as ObjectSchema, children)
}

const isEnabled = (enabled: boolean) => ({ properties: { enabled: { const: enabled } }, required: ['enabled'] })

/** Written so that the message of Helm names the key and the value that it must have. */
const eitherAutoscaler = {
  if: { properties: { hpa: isEnabled(true) }, required: ['hpa'] },
  then: { properties: { keda: { properties: { enabled: { const: false } } } } },
}
