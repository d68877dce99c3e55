import * as z from 'zod'

/** A value that is passed on to Kubernetes as it is, which checks it. `what` describes it in values.yaml, the schema and the README. */
export const kubernetesObject = (what: string, value: Record<string, unknown> = {}) =>
  z.record(z.string(), z.unknown()).default(value).meta({ description: what })

/** A list of objects of Kubernetes. */
export const kubernetesList = (what: string, value: readonly unknown[] = []) =>
  z
    .array(z.record(z.string(), z.unknown()))
    .default(value as Record<string, unknown>[])
    .meta({ description: what })

/** A text; `` where it is not set. */
export const text = (what: string, value = '') => z.string().default(value).meta({ description: what })

/** A map of texts, such as labels. */
export const texts = (what: string, value: Record<string, string> = {}) =>
  z.record(z.string(), z.string()).default(value).meta({ description: what })

/** On or off. */
export const flag = (what: string, value: boolean) => z.boolean().default(value).meta({ description: what })

/** A whole number, both ends included. */
export const whole = (what: string, value: number, { min = 0, max = 2 ** 31 - 1 } = {}) =>
  z.int().min(min).max(max).default(value).meta({ description: what })

/** Values under one key, no others. */
export const group = <Shape extends z.ZodRawShape>(what: string, shape: Shape) =>
  z
    .strictObject(shape)
    .prefault({} as never)
    .meta({ description: what })
