import { isEqualJson, type JsonSchema } from './json-schema.ts'

type Side = JsonSchema | boolean

/** Keywords that say nothing of the values. */
const annotations = new Set(['title', 'description', 'default', 'examples', '$comment', '$id', 'deprecated', 'id'])
const understood = new Set([
  ...['type', 'enum', 'const', 'anyOf', 'oneOf', 'allOf'],
  ...['properties', 'required', 'additionalProperties', 'propertyNames', 'items', 'minItems', 'maxItems'],
  ...['minLength', 'maxLength', 'pattern', 'format', 'contentEncoding'],
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
])

/**
 * Why some values that `written` allows are not allowed by `read`, as sentences that begin with the place of the value. Empty where each value
 * is. What cannot be decided counts as a gap: an empty list is a proof.
 */
export const gaps = (written: Side, read: Side, place = 'the body'): readonly string[] => {
  if (isAny(read) || isEqualJson(written, read)) return []
  if (written === false) return []
  if (read === false) return [`${place} is not read at all`]
  const branches = branchesOf(written)
  if (branches !== undefined) return [...new Set(branches.flatMap((branch) => gaps(branch, read, place)))]
  const odd = oddKeywords(read as JsonSchema)
  if (odd.length > 0) return [`${place} has ${odd.join(', ')} in its schema, which cannot be compared`]
  const { anyOf, oneOf, allOf = [], ...rest } = read as Combined
  if (oneOf !== undefined && !areDisjoint(oneOf))
    return [`${place} has alternatives that may overlap (oneOf), which cannot be compared`]
  return [anyOf, oneOf]
    .flatMap((alternatives) => (alternatives === undefined ? [] : fewest(gapsOfEach(written, alternatives, place))))
    .concat(gapsOfEach(written, allOf, place).flat())
    .concat(restGaps(written, rest, place))
}

interface Combined extends JsonSchema {
  readonly anyOf?: readonly Side[]
  readonly oneOf?: readonly Side[]
  readonly allOf?: readonly Side[]
}

const gapsOfEach = (written: Side, read: readonly Side[], place: string) =>
  read.map((each) => gaps(written, each, place))

const restGaps = (written: Side, read: JsonSchema, place: string): readonly string[] => {
  if (isAny(read)) return []
  const own = written === true ? {} : (written as Combined)
  const direct = valueGaps(own, read, place)
  // Each part of allOf narrows what is written: one that is read is enough.
  return fewest([direct, ...(own.allOf ?? []).map((part) => gaps(part, read, place))])
}

/** Whether a member that all have tells the alternatives apart. */
const areDisjoint = (alternatives: readonly Side[]): boolean => {
  const [first] = alternatives
  const names = isShape(first) ? (first.required ?? []) : []
  return names.some((name) => {
    const values = alternatives.map((each) => {
      const member = isShape(each) && each.required?.includes(name) ? each.properties?.[name] : undefined
      return isShape(member) ? (member as JsonSchema)['const'] : undefined
    })
    return !values.includes(undefined) && new Set(values.map((value) => JSON.stringify(value))).size === values.length
  })
}

const isShape = (side: Side | undefined): side is Shape & JsonSchema => typeof side === 'object'

const isObject = (side: Side): side is JsonSchema => typeof side === 'object'

const isAny = (side: Side): boolean => side === true || (isObject(side) && [...keywordsOf(side)].length === 0)

const keywordsOf = (schema: JsonSchema) => Object.keys(schema).filter((key) => !annotations.has(key))

const oddKeywords = (schema: JsonSchema): readonly string[] => keywordsOf(schema).filter((key) => !understood.has(key))

/** The alternatives of what is written, each of which must be read. */
const branchesOf = (written: Side): readonly Side[] | undefined => {
  if (!isObject(written)) return undefined
  const alternatives = (written['anyOf'] ?? written['oneOf']) as readonly Side[] | undefined
  if (alternatives !== undefined) return alternatives
  const values = written['enum'] as readonly unknown[] | undefined
  if (values !== undefined) return values.map((value) => ({ const: value }))
  const types = written['type']
  return Array.isArray(types) ? types.map((type: unknown) => ({ ...written, type })) : undefined
}

const fewest = (lists: readonly (readonly string[])[]): readonly string[] =>
  lists.reduce((best, list) => (list.length < best.length ? list : best))

const valueGaps = (written: JsonSchema, read: JsonSchema, place: string): readonly string[] => {
  if ('const' in written) return constGaps(written['const'], read, place)
  const values = valuesOf(read)
  if (values !== undefined) return [`${place} may be ${typeInWords(written)}, but only ${inWords(values)} is read`]
  const type = read['type'] as string | readonly string[] | undefined
  if (type !== undefined && !typesOf(type).some((each) => isType(written['type'], each)))
    return [`${place} may be ${typeInWords(written)}, but ${typesOf(type).join(' or ')} is read`]
  return [
    ...boundGaps(written, read, place),
    ...textGaps(written, read, place),
    ...itemGaps(written, read, place),
    ...propertyGaps(written, read, place),
  ]
}

const typesOf = (type: string | readonly string[]): readonly string[] => (typeof type === 'string' ? [type] : type)

const isType = (written: unknown, read: string): boolean =>
  written === read || (written === 'integer' && read === 'number')

const typeInWords = ({ type }: JsonSchema): string => (typeof type === 'string' ? `any ${type}` : 'anything')

const inWords = (values: readonly unknown[]): string => values.map((value) => JSON.stringify(value)).join(' or ')

const valuesOf = (read: JsonSchema): readonly unknown[] | undefined =>
  'const' in read ? [read['const']] : (read['enum'] as readonly unknown[] | undefined)

const constGaps = (value: unknown, read: JsonSchema, place: string): readonly string[] => {
  const values = valuesOf(read)
  if (values !== undefined)
    return values.some((each) => isEqualJson(each, value))
      ? []
      : [`${place} may be ${JSON.stringify(value)}, but only ${inWords(values)} is read`]
  // The narrowest schema that allows the value says whether it is read.
  if (typeof value === 'string') {
    if (keywordsOf(read).some((key) => key === 'pattern' || key === 'format'))
      return [`${place} may be ${JSON.stringify(value)}, which cannot be compared with a pattern or format`]
    const length = [...value].length
    return valueGaps({ type: 'string', minLength: length, maxLength: length }, read, place)
  }
  if (typeof value === 'number') {
    const type = Number.isInteger(value) ? 'integer' : 'number'
    return valueGaps({ type, minimum: value, maximum: value, multipleOf: value }, read, place)
  }
  if (value === null || typeof value === 'boolean')
    return valueGaps({ type: value === null ? 'null' : 'boolean' }, read, place)
  return [`${place} may be ${JSON.stringify(value)}, which cannot be compared`]
}

/** The type that a keyword is about: it allows all values of other types. */
const aboutType = (key: string): RegExp =>
  /Length$|^pattern$|^format$|^content/.test(key) ? /^string$/ : /Items$/.test(key) ? /^array$/ : /^(number|integer)$/

const concerns = (key: string, { type }: JsonSchema): boolean => typeof type !== 'string' || aboutType(key).test(type)

const lowerBounds = ['minimum', 'minLength', 'minItems'] as const
const upperBounds = ['maximum', 'maxLength', 'maxItems'] as const

/** What is written lies within what is read. */
const boundGaps = (written: JsonSchema, read: JsonSchema, place: string): readonly string[] => {
  const number = (schema: JsonSchema, key: string) => schema[key] as number | undefined
  const problem = (key: string) => {
    const own = number(written, key)
    return `${place} has ${own === undefined ? `no ${key}` : `the ${key} ${own}`}, but ${number(read, key)} is read`
  }
  const breaks = (key: string, isWithin: (own: number, limit: number) => boolean): readonly string[] => {
    const [own, limit] = [number(written, key), number(read, key)]
    return limit === undefined || !concerns(key, written) || (own !== undefined && isWithin(own, limit))
      ? []
      : [problem(key)]
  }
  return [
    ...lowerBounds.flatMap((key) => breaks(key, (own, limit) => own >= limit)),
    ...upperBounds.flatMap((key) => breaks(key, (own, limit) => own <= limit)),
    ...exclusiveGaps(written, read, place),
    ...breaks('multipleOf', (own, limit) => limit !== 0 && own % limit === 0),
  ]
}

const exclusiveGaps = (written: JsonSchema, read: JsonSchema, place: string): readonly string[] =>
  (['Minimum', 'Maximum'] as const).flatMap((end) => {
    const limit = read[`exclusive${end}`] as number | undefined
    if (limit === undefined || !concerns('minimum', written)) return []
    const sign = end === 'Minimum' ? 1 : -1
    const own = written[`exclusive${end}`] as number | undefined
    const inclusive = written[end.toLowerCase()] as number | undefined
    const isWithin =
      (own !== undefined && own * sign >= limit * sign) || (inclusive !== undefined && inclusive * sign > limit * sign)
    return isWithin ? [] : [`${place} may be ${limit} or beyond, which is not read`]
  })

const mayBe = ({ type }: JsonSchema, wanted: string): boolean => type === undefined || type === wanted

const textGaps = (written: JsonSchema, read: JsonSchema, place: string): readonly string[] =>
  ['pattern', 'format', 'contentEncoding'].flatMap((key) =>
    read[key] === undefined || read[key] === written[key] || !concerns(key, written)
      ? []
      : [`${place} may be a text that the ${key} ${JSON.stringify(read[key])} does not take`],
  )

const itemGaps = (written: JsonSchema, read: JsonSchema, place: string): readonly string[] => {
  const wanted = read['items'] as Side | readonly Side[] | undefined
  if (wanted === undefined || !mayBe(written, 'array')) return []
  const own = (written['items'] ?? true) as Side | readonly Side[]
  if (Array.isArray(wanted) || Array.isArray(own)) return [`${place} is a tuple, which cannot be compared`]
  return gaps(own as Side, wanted as Side, `an item of ${place}`)
}

const propertyGaps = (written: JsonSchema, read: JsonSchema, place: string): readonly string[] => {
  if (!mayBe(written, 'object')) return []
  const { properties: own = {}, required: given = [] } = written as Shape
  const { properties: wanted = {}, required = [] } = read as Shape
  const isOpen = 'patternProperties' in written
  const rest = isOpen ? true : ((written['additionalProperties'] ?? true) as Side)
  const wantedRest = (read['additionalProperties'] ?? true) as Side
  const at = (name: string) => (place === 'the body' ? name : `${place}.${name}`)
  const names = read['propertyNames'] as Side | undefined
  return [
    ...required.filter((name) => !given.includes(name)).map((name) => `${at(name)} may be absent, but is required`),
    ...Object.entries(own).flatMap(([name, side]) => gaps(side, wanted[name] ?? wantedRest, at(name))),
    ...Object.entries(wanted).flatMap(([name, side]) => (name in own ? [] : gaps(rest, side, at(name)))),
    ...gaps(rest, wantedRest, `any other member of ${place}`),
    ...(names === undefined ? [] : nameGaps(written, names, place)),
  ]
}

interface Shape {
  readonly properties?: Readonly<Record<string, Side>>
  readonly required?: readonly string[]
}

const nameGaps = (written: JsonSchema, read: Side, place: string): readonly string[] => {
  const own = (written['propertyNames'] ?? { type: 'string' }) as Side
  const names = Object.keys((written as Shape).properties ?? {}).map((name) => ({ const: name }))
  const rest =
    written['additionalProperties'] === false && !('patternProperties' in written)
      ? []
      : [{ type: 'string', ...(isObject(own) ? own : {}) }]
  return [...names, ...rest].flatMap((name) => gaps(name, read, `a name in ${place}`))
}
