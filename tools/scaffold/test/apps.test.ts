import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { serviceSpec } from '../src/service/spec.ts'
import { templateFiles } from '../src/service/write-service.ts'
import { dryTree, root, services } from './dry-tree.ts'

// The services of the template have the shape that the generator gives a new one. Whoever changes the one changes the other.
type Json = Readonly<{ [key: string]: unknown }>
type TextOf = (path: string) => string

/** What every service has in common, whatever it does. */
const shapeOf = (name: string, textOf: TextOf) => {
  const manifest = JSON.parse(textOf(`apps/${name}/package.json`)) as Json
  const { dependencies: _, devDependencies: __, scripts: ___, nx, ...own } = manifest
  const { tags, targets } = nx as { readonly tags: readonly string[]; readonly targets: Json }
  const { references: ____, ...tsconfig } = JSON.parse(textOf(`apps/${name}/tsconfig.json`)) as Json
  const settings = textOf(`apps/${name}/src/config.ts`)
  return {
    manifest: own,
    tags,
    targets: Object.keys(targets),
    order: Object.keys(manifest).filter((key) => key !== 'scripts'),
    tsconfig,
    vitest: textOf(`apps/${name}/vitest.config.ts`),
    main: {
      interpreter: textOf(`apps/${name}/src/main.ts`).split('\n')[0],
      runs: /await run\(\{ name: '([^']+)', settings\b/.exec(textOf(`apps/${name}/src/main.ts`))?.[1],
    },
    settings: {
      schema: /^export const settings = z\s*\.object\(\{[^]*?^ +\.\.\.commonSettings,/m.test(settings),
      type: settings.includes('export type Config = Readonly<z.infer<typeof settings>>'),
    },
    title: textOf(`apps/${name}/README.md`).split('\n')[0],
    settingsOfReadme: /^The settings of .*$/m.exec(textOf(`apps/${name}/README.md`))?.[0]?.slice(0, 80),
    facts: Object.keys(JSON.parse(textOf(`helm/${name}/chart.json`)) as Json).filter(
      (key) => key !== 'maxReplicaCount',
    ),
    values: ['least', 'most'].map((each) => textOf(`helm/${name}/ci/${each}-values.yaml`).startsWith('# ')),
  }
}

describe.each(services)('%s', (name) => {
  test('has the shape of a service that is generated today', async () => {
    const spec = serviceSpec({ name, api: 'grpc', consumes: 'kafka:orders', store: 'postgres' })
    const generated = await templateFiles(dryTree(), spec)
    const wanted = shapeOf(name, (path) => generated.get(path) ?? '')
    expect(shapeOf(name, (path) => readFileSync(join(root, path), 'utf8'))).toEqual(wanted)
  })
})
