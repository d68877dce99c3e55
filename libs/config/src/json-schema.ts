import * as z from 'zod'
import type { Settings } from './schema.ts'

/**
 * The settings as JSON schema, for a chart's values.schema.json: no unknown keys, nothing required that has a default. Draft 7
 * unless told, which every Helm 3 reads. What JSON schema cannot say (a refinement) is left out.
 */
export const settingsJsonSchema = (
  settings: Settings,
  target: 'draft-2020-12' | 'draft-7' = 'draft-7',
): Record<string, unknown> => {
  const schema = z.toJSONSchema(settings, {
    target,
    io: 'input',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      for (const key of ['accepts', 'env', 'flag', 'short', 'secret', 'fileVariable', 'hot', 'beforeKv'])
        delete jsonSchema[key]
    },
  })
  return { ...schema, additionalProperties: false }
}
