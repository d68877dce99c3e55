import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { format } from 'prettier'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { documentedValues, platformValuesTable } from '../src/platform-values.ts'
import { platform } from './render-platform.ts'

const yaml = readFileSync(join(platform, 'values.yaml'), 'utf8')
const backends = Object.keys((parse(yaml) as { backends: object }).backends)
const style = { semi: false, singleQuote: true, printWidth: 120, trailingComma: 'all', parser: 'markdown' } as const

// `npx nx test charts -- --update` writes it anew.
test('values.md has every value of values.yaml', async () => {
  const table = platformValuesTable(documentedValues(yaml, backends))
  const page = `# Values of the chart platform\n\nThose of an app are in the README of its chart.\n\n${table}\n`
  await expect(await format(page, style)).toMatchFileSnapshot(join(platform, 'values.md'))
})

interface Schema {
  readonly type?: string | string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: boolean | Schema
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Schema>>
}

/** The objects of a schema that take keys that they do not name, by their path. */
const openObjects = (schema: Schema, definitions: Readonly<Record<string, Schema>>, path: string): string[] => {
  if (schema.$ref !== undefined)
    return openObjects(definitions[schema.$ref.replace('#/$defs/', '')] ?? {}, definitions, path)
  const isOpen = schema.type === 'object' && schema.additionalProperties === undefined
  const inner = Object.entries(schema.properties ?? {}).flatMap(([key, property]) =>
    openObjects(property, definitions, `${path}.${key}`),
  )
  return [...(isOpen ? [path] : []), ...inner]
}

test('the schema names every key, but of what others define', () => {
  const schema = JSON.parse(readFileSync(join(platform, 'values.schema.json'), 'utf8')) as Schema
  const open = openObjects(schema, schema.$defs ?? {}, '')
  const ofOthers =
    /^\.global$|^\.(?:search-service|aggregator|alert-monitor|reactor|log-shipper)$|\.(?:affinity|spec|nodePoolSpec)$/
  expect(open.filter((path) => !ofOthers.test(path))).toEqual([])
})
