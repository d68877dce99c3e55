import type * as z from 'zod'

export type Path = readonly PropertyKey[]

/**
 * The keys that a schema knows at a path. `value` is the whole value: it chooses between the parts of a union that one of its keys tells apart.
 */
export const knownKeys = (schema: z.core.$ZodType, path: Path, value: unknown): readonly string[] => {
  let schemas = alternativesOf(schema, value)
  let inner = value
  for (const part of path) {
    inner = typeof inner === 'object' && inner !== null ? (inner as Record<PropertyKey, unknown>)[part] : undefined
    schemas = schemas.flatMap((each) => partsOf(each, part)).flatMap((each) => alternativesOf(each, inner))
  }
  return schemas.flatMap((each) => {
    const { def } = zodOf(each)
    return def.type === 'object' ? Object.keys(def.shape) : []
  })
}

const zodOf = (schema: z.core.$ZodType) => (schema as z.core.$ZodTypes)._zod

const partsOf = (schema: z.core.$ZodType, part: PropertyKey): readonly z.core.$ZodType[] => {
  const { def } = zodOf(schema)
  if (def.type === 'array') return [def.element]
  if (def.type === 'record') return [def.valueType]
  const found = def.type === 'object' ? def.shape[String(part)] : undefined
  return found === undefined ? [] : [found]
}

const alternativesOf = (schema: z.core.$ZodType, value: unknown): readonly z.core.$ZodType[] => {
  const { def } = zodOf(schema)
  switch (def.type) {
    case 'union':
      return optionsFor(def, value).flatMap((option) => alternativesOf(option, value))
    case 'optional':
    case 'default':
    case 'prefault':
    case 'nullable':
      return alternativesOf(def.innerType, value)
    case 'pipe':
      return alternativesOf(def.in, value)
    default:
      return [schema]
  }
}

/** The parts of a union that the value chooses by its discriminator, else all. */
const optionsFor = (
  def: z.core.$ZodUnionDef & { readonly discriminator?: string },
  value: unknown,
): readonly z.core.$ZodType[] => {
  const { discriminator, options } = def
  if (discriminator === undefined || typeof value !== 'object' || value === null) return options
  const given = (value as Record<string, z.core.util.Primitive>)[discriminator]
  const chosen = options.filter((option) => option._zod.propValues?.[discriminator]?.has(given))
  return chosen.length === 0 ? options : chosen
}
