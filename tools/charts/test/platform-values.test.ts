import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { platformValuesPage } from '../src/platform-values.ts'
import { platform } from './render-platform.ts'

const yaml = readFileSync(join(platform, 'values.yaml'), 'utf8')

// `npm run tables` writes it anew.
test('values.md has every value of values.yaml', async () => {
  expect(readFileSync(join(platform, 'values.md'), 'utf8')).toBe(await platformValuesPage(yaml))
})

/** The apps that the umbrella installs: their charts have schemas of their own. */
const { dependencies } = parse(readFileSync(join(platform, 'Chart.yaml'), 'utf8')) as {
  dependencies: readonly { name: string }[]
}

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
  const apps = dependencies.map(({ name }) => name).join('|')
  const ofOthers = new RegExp(`^\\.global$|^\\.(?:${apps})$|\\.(?:affinity|spec|nodePoolSpec)$`)
  expect(open.filter((path) => !ofOthers.test(path))).toEqual([])
})
