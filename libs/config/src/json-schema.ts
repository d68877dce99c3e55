import { z } from 'zod'
import type { Settings } from './schema.ts'

/**
 * The settings as JSON schema, draft 2020-12 (what Helm 3.18 and later reads as values.schema.json; `draft-7` for older ones). No unknown
 * keys, nothing required that has a default. What JSON schema cannot say (a refinement) is left out.
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
      for (const key of ['env', 'flag', 'short', 'secret', 'hot']) delete jsonSchema[key]
    },
  })
  return { ...schema, additionalProperties: false }
}
