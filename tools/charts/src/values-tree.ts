import * as z from 'zod'
import type { Values } from './chart-values.ts'

/** A value of a chart, or a group of values. */
export interface ValueNode {
  readonly key: string
  readonly what: string
  /** Undefined for a value that values.yaml does not have. */
  readonly value: unknown
  /** The values of a group; undefined for a single value. */
  readonly children: readonly ValueNode[] | undefined
}

/** The values of a schema as a tree, in its order. */
export const valuesTree = (values: Values): readonly ValueNode[] => nodesOf(values, values.parse({}))

const nodesOf = (object: z.ZodObject, values: Readonly<Record<string, unknown>>): readonly ValueNode[] =>
  Object.entries(object.shape).map(([key, schema]) => {
    const value = values[key]
    const inner = groupOf(schema as z.ZodType)
    return {
      key,
      what: (schema as z.ZodType).meta()?.description ?? '',
      value,
      children: inner && nodesOf(inner, (value ?? {}) as Record<string, unknown>),
    }
  })

/** The object schema of a group. Objects of Kubernetes are records, so they are single values. */
const groupOf = (schema: z.ZodType): z.ZodObject | undefined => {
  if (schema instanceof z.ZodPrefault) return groupOf(schema.unwrap() as z.ZodType)
  return schema instanceof z.ZodObject ? schema : undefined
}
